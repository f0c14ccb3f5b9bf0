package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The steps of a softmax that is taken block by block: with a running maximum m and a running sum of {@code exp(s - m)}, what was
 * summed before is shrunk by {@code exp(m_before - m)} when a block raises m (Milakov and Gimelshein 2018). Rows are f32, padded
 * to whole vectors; {@code at} counts bytes.
 */
final class OnlineSoftmax {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final float LOWEST = -88; // n = -127, whose scale is 0
    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f; // few bits: n times it is exact
    private static final float LN2_LOW = -2.12194440e-4f;

    /** Adding this rounds to a whole number n and leaves n + 127, the exponent field of 2^n, in the low bits. */
    private static final float ROUND = 0x1.8p23f + 127;

    private OnlineSoftmax() {}

    /** Sets scores from {@code valid} to {@code width} and to the end of their vector to -∞; returns the width in whole vectors. */
    static int mask(MemorySegment s, long at, int valid, int width) {
        int whole = (width + LANES.length() - 1) / LANES.length() * LANES.length();
        for (int j = valid; j < whole; j++) s.set(FLOAT, at + 4L * j, Float.NEGATIVE_INFINITY);
        return whole;
    }

    /** The largest score; NaNs are passed over, and show up in the sum. */
    static float max(MemorySegment s, long at, int width) {
        var max = FloatVector.broadcast(LANES, Float.NEGATIVE_INFINITY);
        for (int j = 0; j < width; j += LANES.length()) {
            var v = FloatVector.fromMemorySegment(LANES, s, at + 4L * j, LITTLE_ENDIAN);
            max = max.blend(v, v.compare(GT, max));
        }
        return max.reduceLanes(MAX);
    }

    /**
     * Replaces scores by {@code exp(scale s - max)} and returns their sum; differences are at most 0, up to rounding. With n whole and
     * {@code |r| ≤ ln 2 / 2}, {@code e^x = 2^n e^r}, and a polynomial of degree 6 stands for {@code e^r}: the relative error is at most
     * 1e-7. 0 below -87.7; NaN for NaN. All in one loop: a helper that takes vectors might not be inlined, and would allocate.
     */
    static float exponentials(MemorySegment s, long at, int width, float scale, float max) {
        var sum = FloatVector.zero(LANES);
        for (int j = 0; j < width; j += LANES.length()) {
            var x = FloatVector.fromMemorySegment(LANES, s, at + 4L * j, LITTLE_ENDIAN)
                    .fma(scale, -max);
            x = x.blend(LOWEST, x.compare(LT, LOWEST)); // a NaN stays
            var rounded = x.fma(LOG2_E, ROUND);
            var n = rounded.sub(ROUND);
            var r = n.fma(FloatVector.broadcast(LANES, -LN2_HIGH), x);
            r = n.fma(FloatVector.broadcast(LANES, -LN2_LOW), r);
            var p = r.fma(0.001381454f, 0.008368745f);
            p = p.fma(r, FloatVector.broadcast(LANES, 0.04166839f));
            p = p.fma(r, FloatVector.broadcast(LANES, 0.16666521f));
            p = p.fma(r, FloatVector.broadcast(LANES, 0.49999994f));
            p = p.fma(r, FloatVector.broadcast(LANES, 1));
            p = p.fma(r, FloatVector.broadcast(LANES, 1));
            p = p.mul(rounded.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats());
            p.intoMemorySegment(s, at + 4L * j, LITTLE_ENDIAN);
            sum = p.add(sum);
        }
        return LaneSum.of(sum);
    }

    /**
     * A row of the softmax and of its gradient, from scores and products: {@code p = exp(scale p - logSumExp)} as in
     * {@link #exponentials}, {@code ds = scale p (ds - d)}. One pass over both.
     *
     * @param from the byte of {@code logSumExp} and {@code d} that belongs to the row's first
     */
    static void gradient(
            MemorySegment p,
            MemorySegment ds,
            long at,
            MemorySegment logSumExp,
            MemorySegment d,
            long from,
            int width,
            float scale) {
        for (int j = 0; j < width; j += LANES.length()) {
            var x = FloatVector.fromMemorySegment(LANES, p, at + 4L * j, LITTLE_ENDIAN)
                    .mul(scale)
                    .sub(FloatVector.fromMemorySegment(LANES, logSumExp, from + 4L * j, LITTLE_ENDIAN));
            x = x.blend(LOWEST, x.compare(LT, LOWEST)); // a NaN stays
            var rounded = x.fma(LOG2_E, ROUND);
            var n = rounded.sub(ROUND);
            var r = n.fma(FloatVector.broadcast(LANES, -LN2_HIGH), x);
            r = n.fma(FloatVector.broadcast(LANES, -LN2_LOW), r);
            var e = r.fma(0.001381454f, 0.008368745f);
            e = e.fma(r, FloatVector.broadcast(LANES, 0.04166839f));
            e = e.fma(r, FloatVector.broadcast(LANES, 0.16666521f));
            e = e.fma(r, FloatVector.broadcast(LANES, 0.49999994f));
            e = e.fma(r, FloatVector.broadcast(LANES, 1));
            e = e.fma(r, FloatVector.broadcast(LANES, 1));
            e = e.mul(rounded.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats());
            e.intoMemorySegment(p, at + 4L * j, LITTLE_ENDIAN);
            FloatVector.fromMemorySegment(LANES, ds, at + 4L * j, LITTLE_ENDIAN)
                    .sub(FloatVector.fromMemorySegment(LANES, d, from + 4L * j, LITTLE_ENDIAN))
                    .mul(e.mul(scale))
                    .intoMemorySegment(ds, at + 4L * j, LITTLE_ENDIAN);
        }
    }

    /** {@code x *= factor}; any {@code dim}. */
    static void multiply(MemorySegment x, long at, int dim, float factor) {
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            FloatVector.fromMemorySegment(LANES, x, at + 4L * i, LITTLE_ENDIAN)
                    .mul(factor)
                    .intoMemorySegment(x, at + 4L * i, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) x.set(FLOAT, at + 4L * i, factor * x.get(FLOAT, at + 4L * i));
    }
}
