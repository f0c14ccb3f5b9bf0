package io.gatun.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * A tokenizer that nobody has to train: the ids 0 to 255 are the bytes of UTF-8, special tokens follow from 256 on. The
 * first of these separates texts: it begins and ends them.
 */
public final class ByteLevelTokenizer implements Tokenizer {
    /** Separates texts unless another special token is asked for. */
    public static final String END_OF_TEXT = "<|end_of_text|>";

    private static final int BYTES = 256;
    private final List<String> specials;
    private final Vocabulary vocabulary;
    private final AddedTokens added;

    /** One whose only special token is {@link #END_OF_TEXT}, id 256. */
    public ByteLevelTokenizer() {
        this(List.of(END_OF_TEXT));
    }

    /** @param specials names of the special tokens, at least one; their ids are 256, 257, … */
    public ByteLevelTokenizer(List<String> specials) {
        if (specials.isEmpty()) throw new IllegalArgumentException("specials is empty; a separator of texts is needed");
        this.specials = List.copyOf(specials);
        Map<String, Integer> model = ByteLevelJson.vocabulary(specials);
        if (model.size() < BYTES + specials.size() || model.containsKey("")) {
            throw new IllegalArgumentException(
                    "specials is " + specials + "; the names must differ, none empty and none the name of a byte");
        }
        List<AddedToken> tokens = new ArrayList<>();
        for (String special : specials) tokens.add(AddedToken.special(BYTES + tokens.size(), special));
        vocabulary = new Vocabulary(model, tokens);
        added = new AddedTokens(tokens);
    }

    /** The tokenizer with this vocabulary, no merges and these added tokens, if it is one of bytes and specials. */
    static Optional<ByteLevelTokenizer> of(Map<String, Integer> vocabulary, List<AddedToken> added) {
        List<AddedToken> tokens = new ArrayList<>(added);
        tokens.sort(Comparator.comparingInt(AddedToken::id));
        List<String> specials = tokens.stream().map(AddedToken::content).toList();
        Set<String> names = new HashSet<>(vocabulary.keySet());
        names.removeAll(specials);
        boolean same = !tokens.isEmpty() && names.size() == BYTES;
        for (int b = 0; b < BYTES && same; b++) {
            String name = String.valueOf(ByteAlphabet.character(b));
            same = names.contains(name) && vocabulary.get(name) == b;
        }
        for (int i = 0; i < tokens.size() && same; i++) {
            same = tokens.get(i).equals(AddedToken.special(BYTES + i, specials.get(i)));
        }
        return same ? Optional.of(new ByteLevelTokenizer(specials)) : Optional.empty();
    }

    /** The id of the token between texts, 256. */
    public int separator() {
        return BYTES;
    }

    @Override
    public void encode(String text, IntConsumer sink) {
        String whole = WellFormed.text(text);
        added.cut(whole, new AddedTokens.Parts() {
            @Override
            public void text(int from, int to) {
                for (byte b : whole.substring(from, to).getBytes(StandardCharsets.UTF_8)) sink.accept(b & 0xFF);
            }

            @Override
            public void token(int id) {
                sink.accept(id);
            }
        });
    }

    @Override
    public StreamingDecoder decoder(SpecialTokens specials) {
        return new StreamingDecoder(vocabulary, specials);
    }

    @Override
    public int vocabularySize() {
        return vocabulary.size();
    }

    @Override
    public OptionalInt idOf(String token) {
        return vocabulary.idOf(token);
    }

    /** Writes tokenizer.json and tokenizer_config.json, which Hugging Face's libraries read. */
    @Override
    public void write(Path folder) {
        SourceFiles.write(folder.resolve("tokenizer.json"), ByteLevelJson.tokenizer(specials));
        SourceFiles.write(folder.resolve("tokenizer_config.json"), ByteLevelJson.tokenizerConfig(specials.getFirst()));
    }

    /** Equal if the special tokens are. */
    @Override
    public boolean equals(Object other) {
        return other instanceof ByteLevelTokenizer tokenizer && specials.equals(tokenizer.specials);
    }

    @Override
    public int hashCode() {
        return specials.hashCode();
    }

    @Override
    public String toString() {
        return "ByteLevelTokenizer" + specials;
    }
}
