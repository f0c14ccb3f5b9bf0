package io.gatun.trainer.data;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * What a file of tokens holds and was made from; kept beside it as JSON.
 *
 * @param source the fingerprint of its text
 * @param tokenizer the fingerprint of its tokenizer
 * @param tokenBytes 2 for unsigned 16-bit ids, 4 for 32-bit ones, both little-endian
 * @param tokens how many there are, separators included
 * @param textBytes how many bytes of UTF-8 text they stand for, separators not included
 * @param checksum the CRC-32C of the file
 */
record ShardManifest(String source, String tokenizer, int tokenBytes, long tokens, long textBytes, long checksum) {
    private static final int FORMAT = 1; // the next one when other tokens are written for the same text and tokenizer
    private static final JsonFactory JSON = new JsonFactory();

    /** Whether the tokens are those of the text and the tokenizer with these fingerprints. */
    boolean isOf(String source, String tokenizer) {
        return this.source.equals(source) && this.tokenizer.equals(tokenizer);
    }

    /** Puts the manifest in place under its final name once it is whole. */
    void write(Path file) {
        Path unfinished = file.resolveSibling(file.getFileName() + ".tmp");
        try {
            Files.writeString(unfinished, json());
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw DataException.writing(file, e);
        }
    }

    private String json() {
        var text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeNumberProperty("format", FORMAT);
            json.writeStringProperty("source", source);
            json.writeStringProperty("tokenizer", tokenizer);
            json.writeNumberProperty("token_bytes", tokenBytes);
            json.writeNumberProperty("tokens", tokens);
            json.writeNumberProperty("text_bytes", textBytes);
            json.writeNumberProperty("checksum", checksum);
            json.writeEndObject();
        }
        return text.append('\n').toString();
    }

    /** The manifest in {@code file}; empty when there is none, or none that this version understands. */
    static Optional<ShardManifest> read(Path file) {
        if (!Files.exists(file)) return Optional.empty();
        Map<String, String> strings = new HashMap<>();
        Map<String, Long> numbers = new HashMap<>();
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), Files.readAllBytes(file))) {
            json.nextToken();
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = json.currentName();
                if (json.nextToken() == JsonToken.VALUE_STRING) strings.put(field, json.getString());
                else if (json.currentToken() == JsonToken.VALUE_NUMBER_INT) numbers.put(field, json.getLongValue());
                else json.skipChildren();
            }
        } catch (JacksonException e) {
            return Optional.empty(); // a broken manifest vouches for nothing: the tokens are made anew
        } catch (IOException e) {
            throw DataException.reading(file, e);
        }
        boolean whole = strings.keySet().containsAll(Set.of("source", "tokenizer"))
                && numbers.keySet().containsAll(Set.of("token_bytes", "tokens", "text_bytes", "checksum"));
        if (!whole || numbers.getOrDefault("format", 0L) != FORMAT) return Optional.empty();
        return Optional.of(new ShardManifest(
                strings.get("source"),
                strings.get("tokenizer"),
                numbers.get("token_bytes").intValue(),
                numbers.get("tokens"),
                numbers.get("text_bytes"),
                numbers.get("checksum")));
    }
}
