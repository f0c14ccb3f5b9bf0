package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * How logits of a gate become scores, {@code sigmoid} or {@code softmax} over all experts, and the gradients of both (SPEC 2.5).
 *
 * <p>Rows {@code from} (included) to {@code to} (excluded) of f32 matrices [rows, experts] whose rows lie {@code stride}
 * elements apart. Equal logits of a row give equal bits, wherever they stand: ties of a gate must stay ties. NaN gives NaN.
 */
public final class GateScores {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

    // exp(x) = 2^n · (1 + r + r² q(r)) with r = x - n ln 2; q is the minimax polynomial of degree 4 (relative error
    // 3e-9).
    private static final float LOG2_E = 1.442695f;
    private static final float ROUND = 0x1.8p23f + 127; // adding it rounds to whole numbers, biased as exponents are
    private static final float LN2_HIGH = 0x1.62e4p-1f; // few bits, so that n · LN2_HIGH is exact
    private static final float LN2_LOW = 1.4286068e-6f;
    private static final float Q4 = 0x1.6a23cep-10f;
    private static final float Q3 = 0x1.123a2p-7f;
    private static final float Q2 = 0x1.5558f2p-5f;
    private static final float Q1 = 0x1.555492p-3f;
    private static final float Q0 = 0x1.fffffcp-2f;
    private static final float SMALLEST = -87.33f; // below, exp is no longer a normal float: 0

    private GateScores() {}

    /** Writes {@code scores = 1 / (1 + exp(-logits))}. */
    public static void sigmoid(
            MemorySegment scores,
            long scoreStride,
            MemorySegment logits,
            long logitStride,
            int from,
            int to,
            int experts) {
        int step = LANES.length();
        for (int row = from; row < to; row++) {
            long out = row * scoreStride * Float.BYTES;
            long in = row * logitStride * Float.BYTES;
            int e = 0;
            for (; e <= experts - step; e += step) {
                var x = FloatVector.fromMemorySegment(LANES, logits, in + (long) e * 4, LITTLE_ENDIAN);
                var exp = exp(x.abs().neg()); // of the negative magnitude: neither tail overflows or cancels
                var one = FloatVector.broadcast(LANES, 1);
                exp.blend(one, x.compare(GT, 0))
                        .div(exp.add(one))
                        .intoMemorySegment(scores, out + (long) e * 4, LITTLE_ENDIAN);
            }
            for (; e < experts; e++) {
                float x = logits.get(JAVA_FLOAT_UNALIGNED, in + (long) e * 4);
                float exp = exp(-Math.abs(x));
                scores.set(JAVA_FLOAT_UNALIGNED, out + (long) e * 4, (x > 0 ? 1 : exp) / (exp + 1));
            }
        }
    }

    /** Turns {@code d} from the gradient of scores into that of logits: {@code d · s · (1 - s)}. */
    public static void sigmoidGrad(
            MemorySegment d, long stride, MemorySegment scores, long scoreStride, int from, int to, int experts) {
        int step = LANES.length();
        for (int row = from; row < to; row++) {
            long out = row * stride * Float.BYTES;
            long in = row * scoreStride * Float.BYTES;
            int e = 0;
            for (; e <= experts - step; e += step) {
                var s = FloatVector.fromMemorySegment(LANES, scores, in + (long) e * 4, LITTLE_ENDIAN);
                FloatVector.fromMemorySegment(LANES, d, out + (long) e * 4, LITTLE_ENDIAN)
                        .mul(FloatVector.broadcast(LANES, 1).sub(s).mul(s))
                        .intoMemorySegment(d, out + (long) e * 4, LITTLE_ENDIAN);
            }
            for (; e < experts; e++) {
                float s = scores.get(JAVA_FLOAT_UNALIGNED, in + (long) e * 4);
                float ds = d.get(JAVA_FLOAT_UNALIGNED, out + (long) e * 4);
                d.set(JAVA_FLOAT_UNALIGNED, out + (long) e * 4, ds * ((1 - s) * s));
            }
        }
    }

    /** Writes {@code scores = exp(logits - max) / Σ exp(logits - max)}, each row for itself. */
    public static void softmax(
            MemorySegment scores,
            long scoreStride,
            MemorySegment logits,
            long logitStride,
            int from,
            int to,
            int experts) {
        for (int row = from; row < to; row++) {
            long out = row * scoreStride * Float.BYTES;
            long in = row * logitStride * Float.BYTES;
            float sum = exponentials(scores, out, logits, in, experts, largest(logits, in, experts));
            scale(scores, out, experts, 1 / sum);
        }
    }

    /** Turns {@code d} from the gradient of scores into that of logits: {@code s · (d - Σ d s)}, each row for itself. */
    public static void softmaxGrad(
            MemorySegment d, long stride, MemorySegment scores, long scoreStride, int from, int to, int experts) {
        int step = LANES.length();
        for (int row = from; row < to; row++) {
            long out = row * stride * Float.BYTES;
            long in = row * scoreStride * Float.BYTES;
            float mean = RowSums.dot(d, out, scores, in, experts);
            int e = 0;
            for (; e <= experts - step; e += step) {
                var s = FloatVector.fromMemorySegment(LANES, scores, in + (long) e * 4, LITTLE_ENDIAN);
                FloatVector.fromMemorySegment(LANES, d, out + (long) e * 4, LITTLE_ENDIAN)
                        .sub(mean)
                        .mul(s)
                        .intoMemorySegment(d, out + (long) e * 4, LITTLE_ENDIAN);
            }
            for (; e < experts; e++) {
                float s = scores.get(JAVA_FLOAT_UNALIGNED, in + (long) e * 4);
                float ds = d.get(JAVA_FLOAT_UNALIGNED, out + (long) e * 4);
                d.set(JAVA_FLOAT_UNALIGNED, out + (long) e * 4, (ds - mean) * s);
            }
        }
    }

    private static float largest(MemorySegment x, long row, int n) {
        int step = LANES.length();
        float largest = Float.NEGATIVE_INFINITY;
        int i = 0;
        if (n >= step) {
            var best = FloatVector.fromMemorySegment(LANES, x, row, LITTLE_ENDIAN);
            for (i = step; i <= n - step; i += step) {
                var v = FloatVector.fromMemorySegment(LANES, x, row + (long) i * 4, LITTLE_ENDIAN);
                best = best.blend(v, v.compare(GT, best)); // two instructions; FloatVector.max takes six
            }
            largest = best.reduceLanes(MAX);
        }
        for (; i < n; i++) largest = Math.max(largest, x.get(JAVA_FLOAT_UNALIGNED, row + (long) i * 4));
        return largest;
    }

    private static float exponentials(MemorySegment y, long out, MemorySegment x, long in, int n, float largest) {
        int step = LANES.length(), i = 0;
        var sums = FloatVector.zero(LANES);
        for (; i <= n - step; i += step) {
            var v = exp(FloatVector.fromMemorySegment(LANES, x, in + (long) i * 4, LITTLE_ENDIAN)
                    .sub(largest));
            v.intoMemorySegment(y, out + (long) i * 4, LITTLE_ENDIAN);
            sums = v.add(sums);
        }
        float sum = LaneSum.of(sums);
        for (; i < n; i++) {
            float v = exp(x.get(JAVA_FLOAT_UNALIGNED, in + (long) i * 4) - largest);
            y.set(JAVA_FLOAT_UNALIGNED, out + (long) i * 4, v);
            sum += v;
        }
        return sum;
    }

    private static void scale(MemorySegment x, long row, int n, float factor) {
        int step = LANES.length(), i = 0;
        for (; i <= n - step; i += step) {
            FloatVector.fromMemorySegment(LANES, x, row + (long) i * 4, LITTLE_ENDIAN)
                    .mul(factor)
                    .intoMemorySegment(x, row + (long) i * 4, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            long at = row + (long) i * 4;
            x.set(JAVA_FLOAT_UNALIGNED, at, x.get(JAVA_FLOAT_UNALIGNED, at) * factor);
        }
    }

    /** Of {@code x <= 0}; relative error at most 1e-7. */
    private static FloatVector exp(FloatVector x) {
        var shifted = x.fma(FloatVector.broadcast(LANES, LOG2_E), FloatVector.broadcast(LANES, ROUND));
        var n = shifted.sub(ROUND);
        var r = n.fma(FloatVector.broadcast(LANES, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(LANES, -LN2_LOW), r);
        var q = r.fma(FloatVector.broadcast(LANES, Q4), FloatVector.broadcast(LANES, Q3));
        q = q.fma(r, FloatVector.broadcast(LANES, Q2));
        q = q.fma(r, FloatVector.broadcast(LANES, Q1));
        q = q.fma(r, FloatVector.broadcast(LANES, Q0));
        q = q.fma(r.mul(r), r).add(1);
        var power = shifted.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats();
        return q.mul(power).blend(0f, x.compare(LT, SMALLEST));
    }

    /** The same operations for the last experts of a row, so that bits do not depend on the place. */
    private static float exp(float x) {
        float shifted = Math.fma(x, LOG2_E, ROUND);
        float n = shifted - ROUND;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float q = Math.fma(r, Q4, Q3);
        q = Math.fma(q, r, Q2);
        q = Math.fma(q, r, Q1);
        q = Math.fma(q, r, Q0);
        q = Math.fma(q, r * r, r) + 1;
        float power = Float.intBitsToFloat(Float.floatToRawIntBits(shifted) << 23);
        return x < SMALLEST ? 0 : q * power;
    }
}
