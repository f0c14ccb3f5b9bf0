package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Sums over a few hundred neighbouring floats, such as the scores of one token: one chain of vectors, then the lanes. */
final class RowSums {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

    private RowSums() {}

    /** {@code Σ x}, of {@code n} floats from byte {@code at}. */
    static float sum(MemorySegment x, long at, int n) {
        int step = LANES.length(), i = 0;
        var sums = FloatVector.zero(LANES);
        for (; i <= n - step; i += step) {
            sums = FloatVector.fromMemorySegment(LANES, x, at + (long) i * 4, LITTLE_ENDIAN)
                    .add(sums);
        }
        float sum = LaneSum.of(sums);
        for (; i < n; i++) sum += x.get(JAVA_FLOAT_UNALIGNED, at + (long) i * 4);
        return sum;
    }

    /** {@code Σ a · b}, of {@code n} floats each from bytes {@code aAt} and {@code bAt}. */
    static float dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int n) {
        int step = LANES.length(), i = 0;
        var sums = FloatVector.zero(LANES);
        for (; i <= n - step; i += step) {
            sums = FloatVector.fromMemorySegment(LANES, a, aAt + (long) i * 4, LITTLE_ENDIAN)
                    .fma(FloatVector.fromMemorySegment(LANES, b, bAt + (long) i * 4, LITTLE_ENDIAN), sums);
        }
        float sum = LaneSum.of(sums);
        for (; i < n; i++) {
            float x = a.get(JAVA_FLOAT_UNALIGNED, aAt + (long) i * 4);
            sum = Math.fma(x, b.get(JAVA_FLOAT_UNALIGNED, bAt + (long) i * 4), sum);
        }
        return sum;
    }
}
