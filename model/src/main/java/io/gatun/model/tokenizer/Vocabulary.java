package io.gatun.model.tokenizer;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Names, bytes and kinds of all tokens: those of the model and the added ones, which win where both have an id. */
final class Vocabulary {
    private static final byte[] NOTHING = {};
    private final Map<String, Integer> ids;
    private final byte[][] bytes; // by id; null where no token has it
    private final BitSet special = new BitSet();

    Vocabulary(Map<String, Integer> model, List<AddedToken> added) {
        ids = new HashMap<>(model);
        for (AddedToken token : added) ids.put(token.content(), token.id());
        int highest = -1;
        for (int id : ids.values()) highest = Math.max(highest, id);
        bytes = new byte[highest + 1][];
        model.forEach((token, id) -> bytes[id] = ByteAlphabet.read(token));
        for (AddedToken token : added) {
            bytes[token.id()] = ByteAlphabet.read(token.content());
            special.set(token.id(), token.special());
        }
    }

    int size() {
        return bytes.length;
    }

    OptionalInt idOf(String token) {
        Integer id = ids.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    boolean isSpecial(int id) {
        return id >= 0 && special.get(id);
    }

    /** What the token stands for; nothing for an id without a token, as in Hugging Face's library. Not to be changed. */
    byte[] bytes(int id) {
        return id < 0 || id >= bytes.length || bytes[id] == null ? NOTHING : bytes[id];
    }
}
