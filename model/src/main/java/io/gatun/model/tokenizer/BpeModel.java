package io.gatun.model.tokenizer;

import io.gatun.model.json.Excerpt;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** Reads {@code model} of tokenizer.json, streaming: its vocabulary and merges have hundreds of thousands of entries. */
final class BpeModel {
    private final String where;
    private final Map<String, Integer> vocabulary = new HashMap<>();
    private final List<String> mergeParts = new ArrayList<>(); // left, right, left, right, ...
    private boolean ignoresMerges;
    private boolean named;

    BpeModel(String where, JsonParser json) {
        this.where = where;
        if (json.currentToken() != JsonToken.START_OBJECT) throw refused("", json.getString(), "an object");
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            json.nextToken();
            switch (field) {
                case "type" -> {
                    named = json.getString().equals("BPE");
                    if (!named) throw refused(".type", json.getString(), "BPE");
                }
                case "dropout" -> {
                    boolean none = json.currentToken() == JsonToken.VALUE_NULL || json.getValueAsDouble(1) == 0;
                    if (!none) throw refused(".dropout", json.getString(), "null");
                }
                case "continuing_subword_prefix", "end_of_word_suffix" -> {
                    boolean none = json.currentToken() == JsonToken.VALUE_NULL
                            || json.getString().isEmpty();
                    if (!none) throw refused("." + field, json.getString(), "null");
                }
                case "ignore_merges" -> {
                    ignoresMerges = json.currentToken() == JsonToken.VALUE_TRUE;
                    boolean flag = ignoresMerges || json.currentToken() == JsonToken.VALUE_FALSE;
                    if (!flag) throw refused(".ignore_merges", json.getString(), "true or false");
                }
                case "vocab" -> readVocabulary(json);
                case "merges" -> readMerges(json);
                default -> json.skipChildren(); // unk_token, fuse_unk, byte_fallback: no byte is unknown here
            }
        }
        if (!named) throw new TokenizerException(where + ".type is missing; BPE was expected");
        if (vocabulary.isEmpty()) throw new TokenizerException(where + ".vocab is missing or empty");
    }

    private void readVocabulary(JsonParser json) {
        if (json.currentToken() != JsonToken.START_OBJECT) throw refused(".vocab", json.getString(), "an object");
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String token = json.currentName();
            if (json.nextToken() != JsonToken.VALUE_NUMBER_INT
                    || json.getLongValue() < 0
                    || json.getLongValue() > TokenizerJson.HIGHEST_ID) {
                throw refused(".vocab[\"" + token + "\"]", json.getString(), "an id to " + TokenizerJson.HIGHEST_ID);
            }
            if (vocabulary.put(token, json.getIntValue()) != null) {
                throw new TokenizerException(where + ".vocab[\"" + Excerpt.of(token) + "\"] is there twice");
            }
        }
    }

    /** Merges are written {@code "a b"} or, since 2024, {@code ["a", "b"]}. */
    private void readMerges(JsonParser json) {
        if (json.currentToken() != JsonToken.START_ARRAY) throw refused(".merges", json.getString(), "an array");
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (json.currentToken() == JsonToken.START_ARRAY) {
                int before = mergeParts.size();
                while (json.nextToken() == JsonToken.VALUE_STRING) mergeParts.add(json.getString());
                if (json.currentToken() != JsonToken.END_ARRAY || mergeParts.size() != before + 2) {
                    throw refused(".merges[" + before / 2 + "]", "an array of other things", "two strings");
                }
            } else {
                String pair = json.getString();
                int space = pair.indexOf(' ');
                if (space < 0 || space != pair.lastIndexOf(' ')) {
                    throw refused(".merges[" + mergeParts.size() / 2 + "]", pair, "two tokens with a space between");
                }
                mergeParts.add(pair.substring(0, space));
                mergeParts.add(pair.substring(space + 1));
            }
        }
    }

    Map<String, Integer> vocabulary() {
        return vocabulary;
    }

    boolean hasMerges() {
        return !mergeParts.isEmpty();
    }

    BytePairs bytePairs() {
        return new BytePairs(byteIds(), merges(), ignoresMerges ? vocabulary : Map.of());
    }

    private Merges merges() {
        int count = mergeParts.size() / 2;
        int[] left = new int[count];
        int[] right = new int[count];
        int[] product = new int[count];
        for (int rank = 0; rank < count; rank++) {
            String first = mergeParts.get(2 * rank);
            String second = mergeParts.get(2 * rank + 1);
            left[rank] = idOf(first, rank);
            right[rank] = idOf(second, rank);
            product[rank] = idOf(first + second, rank);
        }
        return new Merges(left, right, product);
    }

    private int idOf(String token, int rank) {
        Integer id = vocabulary.get(token);
        if (id == null)
            throw new TokenizerException(
                    where + ".merges[" + rank + "]: " + Excerpt.of(token) + " is not in the vocab");
        return id;
    }

    private int[] byteIds() {
        int[] ids = new int[256];
        for (int b = 0; b < 256; b++) {
            String token = String.valueOf(ByteAlphabet.character(b));
            boolean occurs = b != 0xC0 && b != 0xC1 && b < 0xF5; // the others are in no UTF-8 text
            if (occurs && !vocabulary.containsKey(token)) {
                throw new TokenizerException(where + ".vocab lacks " + token + ", the byte " + b
                        + "; a byte-level vocabulary has all bytes");
            }
            ids[b] = vocabulary.getOrDefault(token, -1);
        }
        return ids;
    }

    private TokenizerException refused(String field, Object found, String expected) {
        return new TokenizerException(
                "%s%s is %s; %s was expected".formatted(where, Excerpt.of(field), Excerpt.of(found), expected));
    }
}
