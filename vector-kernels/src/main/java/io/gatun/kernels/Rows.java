package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** One row of f32 numbers into another. Offsets count bytes. */
public final class Rows {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();

    private Rows() {}

    /** {@code y (+)= x}. */
    public static void assign(MemorySegment y, long yAt, MemorySegment x, long xAt, int dim, Accumulate mode) {
        if (mode == Accumulate.ADD) {
            add(y, yAt, x, xAt, dim);
        } else {
            MemorySegment.copy(x, xAt, y, yAt, dim * 4L);
        }
    }

    /** {@code y += x}. */
    public static void add(MemorySegment y, long yAt, MemorySegment x, long xAt, int dim) {
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var a = FloatVector.fromMemorySegment(LANES, x, xAt + at, LITTLE_ENDIAN);
            var sum = FloatVector.fromMemorySegment(LANES, y, yAt + at, LITTLE_ENDIAN)
                    .add(a);
            sum.intoMemorySegment(y, yAt + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float sum = y.get(JAVA_FLOAT_UNALIGNED, yAt + at) + x.get(JAVA_FLOAT_UNALIGNED, xAt + at);
            y.set(JAVA_FLOAT_UNALIGNED, yAt + at, sum);
        }
    }
}
