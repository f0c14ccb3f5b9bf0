package io.gatun.model.tokenizer;

import io.gatun.model.json.Excerpt;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** A small JSON object of a file, with accessors that say which field of which file is not what it should be. */
final class JsonFields {
    private final String where; // file and path of the object
    private final Map<?, ?> fields;

    private JsonFields(String where, Map<?, ?> fields) {
        this.where = where;
        this.fields = fields;
    }

    /** The value at the parser's current token, which must be an object, or null if it is {@code null}. */
    static JsonFields read(String where, JsonParser json) {
        return of(where, value(json));
    }

    /** The objects of the array at the parser's current token. */
    static List<JsonFields> readAll(String where, JsonParser json) {
        return all(where, value(json));
    }

    private static JsonFields of(String where, Object value) {
        if (value == null) return null;
        if (value instanceof Map<?, ?> map) return new JsonFields(where, map);
        throw new TokenizerException(where + " is " + Excerpt.of(value) + "; an object was expected");
    }

    private static List<JsonFields> all(String where, Object value) {
        if (!(value instanceof List<?> list)) {
            throw new TokenizerException(where + " is " + Excerpt.of(value) + "; an array was expected");
        }
        List<JsonFields> all = new ArrayList<>(list.size());
        for (Object element : list) {
            String place = where + "[" + all.size() + "]";
            if (element == null) throw new TokenizerException(place + " is null; an object was expected");
            all.add(of(place, element));
        }
        return all;
    }

    private static Object value(JsonParser json) {
        return switch (json.currentToken()) {
            case START_OBJECT -> {
                Map<String, Object> map = new LinkedHashMap<>();
                while (json.nextToken() != JsonToken.END_OBJECT) {
                    String name = json.currentName();
                    json.nextToken();
                    map.put(name, value(json));
                }
                yield map;
            }
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (json.nextToken() != JsonToken.END_ARRAY) list.add(value(json));
                yield list;
            }
            case VALUE_NUMBER_INT -> json.getLongValue();
            case VALUE_NUMBER_FLOAT -> json.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            default -> json.getString();
        };
    }

    boolean has(String field) {
        return fields.get(field) != null;
    }

    String text(String field) {
        return get(field, String.class, "a string");
    }

    boolean flag(String field) {
        return get(field, Boolean.class, "true or false");
    }

    /** An optional field. */
    boolean flag(String field, boolean otherwise) {
        return has(field) ? flag(field) : otherwise;
    }

    int id(String field) {
        long id = get(field, Long.class, "an id");
        if (id < 0 || id > TokenizerJson.HIGHEST_ID) {
            throw refused(field, "an id from 0 to " + TokenizerJson.HIGHEST_ID);
        }
        return (int) id;
    }

    JsonFields object(String field) {
        return of(where + "." + field, get(field, Map.class, "an object"));
    }

    List<JsonFields> objects(String field) {
        return all(where + "." + field, get(field, List.class, "an array"));
    }

    /** The exception for a field whose value is not one of those {@code expected}. */
    TokenizerException refused(String field, String expected) {
        return new TokenizerException(
                "%s.%s is %s; %s was expected".formatted(where, field, Excerpt.of(fields.get(field)), expected));
    }

    private <T> T get(String field, Class<T> type, String expected) {
        Object value = fields.get(field);
        if (value == null && !fields.containsKey(field)) {
            throw new TokenizerException("%s.%s is missing; %s was expected".formatted(where, field, expected));
        }
        if (!type.isInstance(value)) throw refused(field, expected);
        return type.cast(value);
    }

    String where() {
        return where;
    }
}
