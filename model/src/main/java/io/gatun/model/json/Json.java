package io.gatun.model.json;

import io.gatun.model.ModelException;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;

/**
 * Reads and writes JSON trees: {@code Map<String, Object>} in file order, {@code List<Object>}, {@code String},
 * {@code Long}, {@code Double}, {@code Boolean} and {@code null}.
 */
public final class Json {
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private Json() {}

    /**
     * The tree in a file.
     *
     * @throws ModelException when there is no such file or it is no JSON
     * @throws UncheckedIOException when it cannot be read
     */
    public static Object read(Path file) {
        try {
            return parse(Files.readString(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new ModelException("there is no file " + file, e);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }

    /**
     * The tree in a text.
     *
     * @param source what to call the text in errors
     * @throws ModelException when the text is no JSON; the message names the line
     */
    public static Object parse(String text, String source) {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() == null) throw new ModelException(source + " is empty; JSON was expected");
            Object tree = value(parser);
            if (parser.nextToken() != null)
                throw new ModelException(source + ": more follows after the end of the JSON");
            return tree;
        } catch (JacksonException e) {
            var at = e.getLocation();
            String where = at == null ? "" : " line " + at.getLineNr() + ", column " + at.getColumnNr();
            throw new ModelException(source + where + ": " + e.getOriginalMessage(), e);
        }
    }

    private static Object value(JsonParser parser) {
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> fields = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    parser.nextToken();
                    fields.put(name, value(parser));
                }
                yield fields;
            }
            case START_ARRAY -> {
                List<Object> elements = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) elements.add(value(parser));
                yield elements;
            }
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT -> parser.getLongValue();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> null;
        };
    }

    /** The text of a tree, indented, one field a line. Numbers may be any {@code Number}. */
    public static String write(Object tree) {
        return write(tree, true);
    }

    /** The text of a tree on one line. */
    public static String writeCompact(Object tree) {
        return write(tree, false);
    }

    private static String write(Object tree, boolean indented) {
        StringWriter out = new StringWriter();
        try (JsonGenerator generator = FACTORY.createGenerator(context(indented), out)) {
            value(generator, tree);
        }
        return out.toString();
    }

    private static ObjectWriteContext context(boolean indented) {
        if (!indented) return ObjectWriteContext.empty();
        Separators separators = Separators.createDefaultInstance()
                .withObjectNameValueSpacing(Separators.Spacing.AFTER)
                .withArrayElementSpacing(Separators.Spacing.AFTER);
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter()
                .withSeparators(separators)
                .withObjectIndenter(new DefaultIndenter("  ", "\n"))
                .withArrayIndenter(DefaultPrettyPrinter.NopIndenter.instance());
        return new ObjectWriteContext.Base() {
            @Override
            public boolean hasPrettyPrinter() {
                return true;
            }

            @Override
            public PrettyPrinter getPrettyPrinter() {
                return printer.createInstance();
            }
        };
    }

    private static void value(JsonGenerator out, Object value) {
        switch (value) {
            case null -> out.writeNull();
            case Map<?, ?> fields -> {
                out.writeStartObject();
                fields.forEach((name, field) -> {
                    out.writeName(name.toString());
                    value(out, field);
                });
                out.writeEndObject();
            }
            case Collection<?> elements -> {
                out.writeStartArray();
                elements.forEach(element -> value(out, element));
                out.writeEndArray();
            }
            case String text -> out.writeString(text);
            case Boolean flag -> out.writeBoolean(flag);
            case Integer number -> out.writeNumber(number);
            case Long number -> out.writeNumber(number);
            case Float number -> out.writeNumber(number);
            case Double number -> out.writeNumber(number);
            default -> throw new ModelException("a " + value.getClass().getSimpleName() + " has no place in JSON");
        }
    }
}
