package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.F2D;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Sums of f32 numbers in double. */
public final class Sums {
    private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> FLOATS =
            VectorSpecies.of(float.class, VectorShape.forBitSize(DOUBLES.vectorBitSize() / 2));
    private static final int STEP = DOUBLES.length();

    private Sums() {}

    /** {@code Σ x[i]} over {@code count} numbers from byte {@code at} on. */
    public static double sum(MemorySegment x, long at, int count) {
        var s0 = DoubleVector.zero(DOUBLES); // two chains hide the latency of addition
        var s1 = s0;
        int i = 0;
        for (; i <= count - 2 * STEP; i += 2 * STEP) {
            long from = at + (long) i * 4;
            var a = (DoubleVector) FloatVector.fromMemorySegment(FLOATS, x, from, LITTLE_ENDIAN)
                    .convertShape(F2D, DOUBLES, 0);
            var b = (DoubleVector) FloatVector.fromMemorySegment(FLOATS, x, from + 4L * STEP, LITTLE_ENDIAN)
                    .convertShape(F2D, DOUBLES, 0);
            s0 = a.add(s0); // in this order: s0.add(a) boxes
            s1 = b.add(s1);
        }
        double sum = LaneSum.of(s0.add(s1));
        for (; i < count; i++) sum += x.get(JAVA_FLOAT_UNALIGNED, at + (long) i * 4);
        return sum;
    }

    /** {@code Σ x[i]²} over {@code count} numbers from byte {@code at} on. */
    public static double sumOfSquares(MemorySegment x, long at, int count) {
        var s0 = DoubleVector.zero(DOUBLES);
        var s1 = s0;
        int i = 0;
        for (; i <= count - 2 * STEP; i += 2 * STEP) {
            long from = at + (long) i * 4;
            var a = (DoubleVector) FloatVector.fromMemorySegment(FLOATS, x, from, LITTLE_ENDIAN)
                    .convertShape(F2D, DOUBLES, 0);
            var b = (DoubleVector) FloatVector.fromMemorySegment(FLOATS, x, from + 4L * STEP, LITTLE_ENDIAN)
                    .convertShape(F2D, DOUBLES, 0);
            s0 = a.fma(a, s0);
            s1 = b.fma(b, s1);
        }
        double sum = LaneSum.of(s0.add(s1));
        for (; i < count; i++) {
            double a = x.get(JAVA_FLOAT_UNALIGNED, at + (long) i * 4);
            sum += a * a;
        }
        return sum;
    }
}
