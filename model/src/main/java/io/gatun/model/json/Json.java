package io.gatun.model.json;

import io.gatun.model.ModelException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;

/**
 * Reads and writes JSON trees: {@code Map<String, Object>} in file order, {@code List<Object>}, {@code String},
 * {@code Long}, {@code Double}, {@code Boolean} and {@code null}.
 */
public final class Json {
    static final int ANY = Integer.MAX_VALUE;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES) // names of tensors differ, all of them
            .build();

    private Json() {}

    /**
     * The tree in a file of less than a gigabyte.
     *
     * @throws ModelException when there is no such file, it cannot be read or is no JSON
     */
    public static Object read(Path file) {
        String source = file.toString();
        return parse(InputFile.text(InputFile.read(file, 1 << 30), source), source, ANY);
    }

    /**
     * The tree in a text.
     *
     * @param source what to call the text in errors
     * @throws ModelException when the text is no JSON; the message names the line
     */
    public static Object parse(String text, String source) {
        return parse(text, source, ANY);
    }

    /** The tree in a text; one of more than {@code most} values is refused, since it would fill the heap. */
    static Object parse(String text, String source, int most) {
        return read(text, source, parser -> new TreeReader(parser, source, most).value());
    }

    /**
     * Gives the fields of an object to {@code each}, one after another, so that the whole is never in memory.
     *
     * @param source what to call the text in errors
     * @param most how many values one field may hold
     * @param each takes a field's name and its tree; false: there was a field of that name before
     * @throws ModelException when the text is no JSON or no object, or a field is larger or there twice
     */
    public static void fields(String text, String source, int most, BiPredicate<String, Object> each) {
        read(text, source, parser -> {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                JsonObject.of(new TreeReader(parser, source, most).value(), source); // throws, with what it is
            }
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                boolean first = each.test(name, new TreeReader(parser, source, most).value());
                if (!first) throw twice(source, parser, name);
            }
            return null;
        });
    }

    private static Object read(String text, String source, Function<JsonParser, Object> reader) {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() == null) throw new ModelException(source + " is empty; JSON was expected");
            Object tree = reader.apply(parser);
            if (parser.nextToken() != null)
                throw new ModelException(source + ": more follows after the end of the JSON");
            return tree;
        } catch (JacksonException e) {
            var at = e.getLocation();
            String where = at == null ? "" : " line " + at.getLineNr() + ", column " + at.getColumnNr();
            throw new ModelException(source + where + ": " + Excerpt.sentence(e.getOriginalMessage()), e);
        }
    }

    private static ModelException twice(String source, JsonParser parser, String name) {
        int line = parser.currentTokenLocation().getLineNr();
        return new ModelException("%s line %d: \"%s\" is there twice".formatted(source, line, Excerpt.of(name)));
    }

    /** Reads one value; how deep it may nest the parser limits, to 500. */
    private static final class TreeReader {
        private final JsonParser parser;
        private final String source;
        private final int most;
        private int values;

        TreeReader(JsonParser parser, String source, int most) {
            this.parser = parser;
            this.source = source;
            this.most = most;
        }

        Object value() {
            if (++values > most) {
                throw new ModelException("%s holds more than %,d values in one tree; that many were not expected"
                        .formatted(source, most));
            }
            return switch (parser.currentToken()) {
                case START_OBJECT -> {
                    Map<String, Object> fields = new LinkedHashMap<>(8); // most are small
                    while (parser.nextToken() != JsonToken.END_OBJECT) {
                        String name = parser.currentName();
                        parser.nextToken();
                        if (fields.containsKey(name)) throw twice(source, parser, name);
                        fields.put(name, value());
                    }
                    yield fields;
                }
                case START_ARRAY -> {
                    List<Object> elements = new ArrayList<>(2);
                    while (parser.nextToken() != JsonToken.END_ARRAY) elements.add(value());
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
