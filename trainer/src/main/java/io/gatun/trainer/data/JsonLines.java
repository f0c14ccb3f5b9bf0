package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.InputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/** A file of JSON objects, one a line, each with its text in the string field {@code text}. Blank lines are skipped. */
final class JsonLines implements AutoCloseable {
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private final String name;
    private final Utf8Blocks lines;
    private long line;

    JsonLines(String name, InputStream in) {
        this.name = name;
        this.lines = new Utf8Blocks(name, in, 1, Integer.MAX_VALUE);
    }

    private String nextLine() {
        String text;
        do {
            text = lines.next();
            line++;
        } while (text != null && text.isBlank());
        return text;
    }

    /** The number of records, which are not looked into. */
    long count() {
        long count = 0;
        while (nextLine() != null) count++;
        return count;
    }

    /**
     * The text of the next record, or null at the end.
     *
     * @throws DataException naming the line that is no such record
     */
    String next() {
        String record = nextLine();
        if (record == null) return null;
        String text = parse(record);
        if (!UTF_8.newEncoder().canEncode(text))
            throw broken("its text has half a surrogate pair, which is no character");
        return text;
    }

    /** Where the last record was, for messages. */
    String place() {
        return name + " line " + line;
    }

    private String parse(String record) {
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), record)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) throw broken("found " + found(parser));
            String text = null;
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String field = parser.currentName();
                JsonToken value = parser.nextToken();
                if (field.equals("text")) {
                    if (value != JsonToken.VALUE_STRING) throw broken("its \"text\" is " + found(parser));
                    text = parser.getString();
                } else {
                    parser.skipChildren();
                }
            }
            if (parser.nextToken() != null) throw broken("found more after the object");
            if (text == null) throw broken("found no \"text\"");
            return text;
        } catch (JacksonException e) {
            throw broken("found bad JSON at column "
                    + Math.max(1, e.getLocation().getColumnNr()) + ": " + e.getOriginalMessage());
        }
    }

    private DataException broken(String found) {
        return new DataException(place() + ": expected an object with a string field \"text\"; " + found);
    }

    private static String found(JsonParser parser) {
        return switch (parser.currentToken()) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            default -> parser.getString();
        };
    }

    @Override
    public void close() {
        lines.close();
    }
}
