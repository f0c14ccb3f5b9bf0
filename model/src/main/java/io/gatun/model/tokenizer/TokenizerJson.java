package io.gatun.model.tokenizer;

import io.gatun.model.json.Excerpt;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;

/** Reads Hugging Face's tokenizer.json where it describes a byte-level BPE, as those of all DeepSeek models do. */
public final class TokenizerJson {
    /** Far above any vocabulary: ids index arrays. */
    static final int HIGHEST_ID = (1 << 24) - 1;

    private static final int MOST_ADDED = 1 << 20; // each character is a node of the tree that finds added tokens

    private final String file;
    private final Map<String, JsonFields> parts = new HashMap<>(); // normalizer, pre_tokenizer, decoder
    private final List<AddedToken> added = new ArrayList<>();
    private BpeModel model;

    private TokenizerJson(String file) {
        this.file = file;
    }

    /**
     * The tokenizer of a {@code tokenizer.json}, a {@link ByteLevelTokenizer} if the file has no merges and no more tokens
     * than those.
     *
     * @throws TokenizerException if the file cannot be read, or asks for what Gatun would not do as Hugging Face does
     */
    public static Tokenizer read(Path tokenizerJson) {
        SourceFiles files = new SourceFiles(tokenizerJson);
        TokenizerJson reader = new TokenizerJson(tokenizerJson.toString());
        // 128,000 different names are no use in a symbol table
        JsonFactory factory = JsonFactory.builder()
                .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                .build();
        String text = files.tokenizerJson(reader.file);
        try (JsonParser json = factory.createParser(ObjectReadContext.empty(), text)) {
            reader.read(json);
        } catch (JacksonException e) {
            TokenStreamLocation at = e.getLocation();
            String where = at == null ? "" : ", line %d, column %d".formatted(at.getLineNr(), at.getColumnNr());
            String found = Excerpt.sentence(e.getOriginalMessage());
            throw new TokenizerException("%s is not JSON%s: %s".formatted(tokenizerJson, where, found), e);
        }
        return reader.tokenizer(files);
    }

    private void read(JsonParser json) {
        if (json.nextToken() != JsonToken.START_OBJECT) throw new TokenizerException(file + " is no JSON object");
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            String where = file + ": " + Excerpt.of(field);
            json.nextToken();
            switch (field) {
                case "added_tokens" -> readAdded(JsonFields.readAll(where, json));
                case "model" -> model = new BpeModel(where, json);
                case "normalizer", "pre_tokenizer", "decoder" -> parts.put(field, JsonFields.read(where, json));
                case "version" -> {
                    if (!json.getString().equals("1.0")) {
                        throw new TokenizerException(
                                where + " is " + Excerpt.of(json.getString()) + "; 1.0 was expected");
                    }
                }
                case "truncation", "padding" -> {
                    if (json.currentToken() != JsonToken.VALUE_NULL) {
                        throw new TokenizerException(where + " is set; Gatun does neither: null was expected");
                    }
                }
                default -> json.skipChildren(); // the post_processor adds tokens, which encode does not do
            }
        }
    }

    private void readAdded(List<JsonFields> tokens) {
        int characters = 0;
        for (JsonFields token : tokens) {
            String content = token.text("content");
            if (content.isEmpty()) throw token.refused("content", "a text");
            characters += content.length();
            if (characters > MOST_ADDED) {
                throw new TokenizerException(file + ": added_tokens have more than " + MOST_ADDED
                        + " characters in all; some thousands were expected");
            }
            added.add(new AddedToken(
                    token.id("id"),
                    content,
                    token.flag("single_word"),
                    token.flag("lstrip"),
                    token.flag("rstrip"),
                    token.flag("normalized"),
                    token.flag("special")));
        }
    }

    private Tokenizer tokenizer(SourceFiles files) {
        if (model == null) throw new TokenizerException(file + ": model is missing");
        checkNothingToNormalize();
        List<Split> splits = PreTokenizer.splits(part("pre_tokenizer"));
        JsonFields decoder = part("decoder");
        if (!decoder.text("type").equals("ByteLevel")) throw decoder.refused("type", "ByteLevel");
        checkIds();
        boolean keepsAll = splits.stream().allMatch(Split::keepsAll);
        if (!model.hasMerges() && keepsAll) {
            var bytes = ByteLevelTokenizer.of(model.vocabulary(), added, files);
            if (bytes.isPresent()) return bytes.get();
        }
        Vocabulary vocabulary = new Vocabulary(model.vocabulary(), added);
        return new BpeTokenizer(vocabulary, new AddedTokens(added), splits, model.bytePairs(), files);
    }

    private JsonFields part(String field) {
        JsonFields part = parts.get(field);
        if (part == null) throw new TokenizerException(file + ": " + field + " is missing; a ByteLevel was expected");
        return part;
    }

    private void checkNothingToNormalize() {
        JsonFields normalizer = parts.get("normalizer");
        if (normalizer == null) return;
        if (!normalizer.text("type").equals("Sequence")) throw normalizer.refused("type", "none, or an empty Sequence");
        if (!normalizer.objects("normalizers").isEmpty()) throw normalizer.refused("normalizers", "an empty array");
    }

    private void checkIds() {
        Map<Integer, String> names = new HashMap<>();
        model.vocabulary().forEach((token, id) -> {
            String other = names.put(id, token);
            if (other != null) throw clash("model.vocab", token, id, other);
        });
        for (AddedToken token : added) {
            Integer inModel = model.vocabulary().get(token.content());
            if (inModel != null && inModel != token.id()) {
                throw new TokenizerException("%s: added_tokens gives %s the id %d; model.vocab gives it %d"
                        .formatted(file, Excerpt.of(token.content()), token.id(), inModel));
            }
            String other = names.put(token.id(), token.content());
            boolean same = inModel != null && token.content().equals(other);
            if (other != null && !same) throw clash("added_tokens", token.content(), token.id(), other);
        }
    }

    private TokenizerException clash(String field, String token, int id, String other) {
        return new TokenizerException("%s: %s gives %s the id %d, which %s has already"
                .formatted(file, field, Excerpt.of(token), id, Excerpt.of(other)));
    }
}
