package io.gatun.model.json;

import io.gatun.model.ModelException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One JSON object whose fields are read by type. A field that is absent and one that is null are the same. Errors are
 * {@link ModelException}s that name the source, the field, what was expected and what was found.
 */
public final class JsonObject {
    private static final int LONGEST_FILE = 64 << 20; // bytes; the index of DeepSeek-V3 has 9 million
    private static final int MOST_VALUES = 2_000_000;

    private final String source;
    private final String path;
    private final Map<?, ?> fields;

    private JsonObject(String source, String path, Map<?, ?> fields) {
        this.source = source;
        this.path = path;
        this.fields = fields;
    }

    /**
     * The object in a file.
     *
     * @throws ModelException when there is no such file, it is too large for a configuration or an index, or no JSON object
     */
    public static JsonObject read(Path file) {
        String source = file.toString();
        String text = InputFile.text(InputFile.read(file, LONGEST_FILE), source);
        return of(Json.parse(text, source, MOST_VALUES), source);
    }

    /** The object in a text; {@code source} is what errors call it. */
    public static JsonObject parse(String text, String source) {
        return of(Json.parse(text, source), source);
    }

    /** A tree that {@link Json} read, when it is an object. */
    public static JsonObject of(Object tree, String source) {
        if (tree instanceof Map<?, ?> fields) return new JsonObject(source, "", fields);
        throw new ModelException(source + ": a JSON object was expected, and there is " + shown(tree));
    }

    /** The file or resource that the object came from. */
    public String source() {
        return source;
    }

    /** The fields as {@link Json} gives them. */
    public Map<?, ?> fields() {
        return fields;
    }

    /** Whether the field is there and not null. */
    public boolean has(String name) {
        return fields.get(name) != null;
    }

    /** Whether the field is there, be it null. */
    public boolean mentions(String name) {
        return fields.containsKey(name);
    }

    public int integer(String name) {
        require(name);
        return integer(name, 0);
    }

    public int integer(String name, int otherwise) {
        return switch (fields.get(name)) {
            case null -> otherwise;
            case Integer number -> number;
            case Long number when number == number.intValue() -> number.intValue();
            default -> throw wrong(name, "a whole number");
        };
    }

    public double number(String name) {
        require(name);
        return number(name, 0);
    }

    public double number(String name, double otherwise) {
        return switch (fields.get(name)) {
            case null -> otherwise;
            case Number number -> number.doubleValue();
            default -> throw wrong(name, "a number");
        };
    }

    public boolean flag(String name, boolean otherwise) {
        return switch (fields.get(name)) {
            case null -> otherwise;
            case Boolean flag -> flag;
            default -> throw wrong(name, "true or false");
        };
    }

    public String text(String name) {
        require(name);
        return text(name, "");
    }

    public String text(String name, String otherwise) {
        return switch (fields.get(name)) {
            case null -> otherwise;
            case String text -> text;
            default -> throw wrong(name, "a text");
        };
    }

    /** One of the constants of {@code otherwise}'s type, written in lower case. */
    public <E extends Enum<E>> E choice(String name, E otherwise) {
        if (!has(name)) return otherwise;
        String text = text(name);
        E[] known = otherwise.getDeclaringClass().getEnumConstants();
        for (E constant : known) if (spelled(constant).equals(text)) return constant;
        List<String> names = Arrays.stream(known).map(JsonObject::spelled).toList();
        throw wrong(name, "one of " + String.join(", ", names));
    }

    /** The elements of an array; none when the field is absent. */
    public List<?> list(String name) {
        return switch (fields.get(name)) {
            case null -> List.of();
            case List<?> elements -> elements;
            default -> throw wrong(name, "an array");
        };
    }

    /** The object in a field, when the field is there. */
    public Optional<JsonObject> object(String name) {
        return switch (fields.get(name)) {
            case null -> Optional.empty();
            case Map<?, ?> inner -> Optional.of(new JsonObject(source, path + name + ".", inner));
            default -> throw wrong(name, "an object");
        };
    }

    /** The error for a field whose value is not what was expected. */
    public ModelException wrong(String name, String expected) {
        return error(name, "is " + shown(fields.get(name)) + "; it should be " + expected);
    }

    /** An error that names the source and the field, and continues with {@code rest}. */
    public ModelException error(String name, String rest) {
        return new ModelException(source + ": " + Excerpt.of(path + name) + " " + rest);
    }

    private void require(String name) {
        if (!has(name)) throw error(name, "is missing");
    }

    private static String shown(Object value) {
        return switch (value) {
            case null -> "null";
            case String text -> '"' + Excerpt.of(text) + '"';
            case Map<?, ?> _ -> "an object";
            case List<?> _ -> "an array";
            default -> value.toString();
        };
    }

    private static String spelled(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
