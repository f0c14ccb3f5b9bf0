package io.gatun.model.checkpoint;

import io.gatun.tensor.DType;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/**
 * What a safetensors header says of one tensor.
 *
 * @param type the element type's name in the file, of which {@link DType} knows some
 * @param begin the tensor's first byte, counted from the end of the header
 * @param end the byte after its last
 */
record SafetensorsEntry(String name, String type, long[] shape, long begin, long end) {
    private static final Map<String, Integer> OTHER_TYPES = Map.of(
            "F16", 2, "F8_E5M2", 1, "F8_E8M0", 1, "BOOL", 1, "I8", 1, "I16", 2, "U16", 2, "U32", 4, "U64", 8, "C64", 8);

    /** The size of an element in bytes; 0 for a type that is not known. */
    int elementBytes() {
        for (DType known : DType.values()) if (known.name().equals(type)) return known.bytes();
        return OTHER_TYPES.getOrDefault(type, 0);
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
        return type.toLowerCase(Locale.ROOT) + Arrays.toString(shape);
    }
}
