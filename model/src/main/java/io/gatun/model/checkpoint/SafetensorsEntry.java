package io.gatun.model.checkpoint;

import io.gatun.model.json.Excerpt;
import io.gatun.tensor.DType;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a safetensors header says of one tensor.
 *
 * @param type the element type's name in the file, of which {@link DType} knows some
 * @param begin the tensor's first byte, counted from the end of the header
 * @param end the byte after its last
 */
record SafetensorsEntry(String name, String type, long[] shape, long begin, long end) {
    private static final Map<String, DType> TYPES =
            Arrays.stream(DType.values()).collect(Collectors.toMap(DType::name, type -> type));
    private static final Map<String, Integer> OTHER_TYPES = Map.of(
            "F16", 2, "F8_E5M2", 1, "F8_E8M0", 1, "BOOL", 1, "I8", 1, "I16", 2, "U16", 2, "U32", 4, "U64", 8, "C64", 8);

    SafetensorsEntry {
        DType known = TYPES.get(type);
        if (known != null) type = known.name(); // one text for all entries: a large model has a hundred thousand
    }

    /** The element type; empty for one that is not in {@link DType}. */
    Optional<DType> dtype() {
        return Optional.ofNullable(TYPES.get(type));
    }

    /** The size of an element in bytes; 0 for a type that is not known. */
    int elementBytes() {
        return dtype().map(DType::bytes).orElseGet(() -> OTHER_TYPES.getOrDefault(type, 0));
    }

    /** The number of elements; -1 when it is beyond counting. */
    long count() {
        try {
            long count = 1;
            for (long size : shape) count = Math.multiplyExact(count, size);
            return count;
        } catch (ArithmeticException e) {
            return -1;
        }
    }

    /** The element type and shape, for example {@code bf16[4, 128, 576]}. */
    @Override
    public String toString() {
        return Excerpt.of(type.toLowerCase(Locale.ROOT)) + Excerpt.of(Arrays.toString(shape));
    }
}
