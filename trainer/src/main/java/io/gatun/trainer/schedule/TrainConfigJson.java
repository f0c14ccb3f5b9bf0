package io.gatun.trainer.schedule;

import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.trainer.TrainerException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** A {@link TrainConfig} as the {@code train} object of a configuration file: its fields in snake_case, each with a default. */
public final class TrainConfigJson {
    private TrainConfigJson() {}

    /**
     * Reads {@code tree}; a field that is not there has its default.
     *
     * @param source what messages call the file
     * @throws TrainerException for an unknown field or a value of the wrong kind
     * @throws IllegalArgumentException for a value that breaks its rule
     */
    public static TrainConfig parse(Map<?, ?> tree, String source) {
        Map<String, Object> fields = new LinkedHashMap<>(defaults());
        for (Map.Entry<?, ?> given : tree.entrySet()) {
            String field = (String) given.getKey();
            if (!fields.containsKey(field)) {
                throw new TrainerException("%s: train.%s is not known; there are %s"
                        .formatted(source, field, String.join(", ", fields.keySet())));
            }
            fields.put(field, given.getValue());
        }
        RecordComponent[] components = TrainConfig.class.getRecordComponents();
        Object[] values = Arrays.stream(components)
                .map(c -> value(c, fields.get(snakeCase(c.getName())), source))
                .toArray();
        Class<?>[] types =
                Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            return TrainConfig.class.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException broken) throw broken;
            throw new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** All fields of {@code config}, as {@link #parse} reads them. */
    public static Map<String, Object> tree(TrainConfig config) {
        Map<String, Object> tree = new LinkedHashMap<>();
        for (RecordComponent component : TrainConfig.class.getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(config);
                tree.put(snakeCase(component.getName()), value instanceof DType type ? type.name() : value);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
        return tree;
    }

    private static Object value(RecordComponent component, Object json, String source) {
        Class<?> type = component.getType();
        if (json instanceof Number number) {
            if (type == double.class) return number.doubleValue();
            boolean whole = number.doubleValue() == Math.rint(number.doubleValue());
            if (type == int.class && whole && number.longValue() == number.intValue()) return number.intValue();
            if (type == long.class && whole) return number.longValue();
        }
        if (type == boolean.class && json instanceof Boolean) return json;
        if (type == DType.class && json instanceof String name) {
            for (DType dtype : DType.values()) {
                if (dtype.name().equals(name)) return dtype;
            }
        }
        String kind = type == boolean.class
                ? "true or false"
                : type == double.class ? "a number" : type == DType.class ? "F32 or BF16" : "a whole number";
        throw new TrainerException(
                "%s: train.%s is %s; it must be %s".formatted(source, snakeCase(component.getName()), json, kind));
    }

    private static Map<String, Object> defaults() {
        try (InputStream in = TrainConfigJson.class.getResourceAsStream("defaults.json")) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Map<String, Object> fields = new LinkedHashMap<>();
            ((Map<?, ?>) Json.parse(text, "defaults.json")).forEach((k, v) -> fields.put((String) k, v));
            return fields;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }
}
