package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Cross-entropy of a row of logits, {@code log Σ exp(logits) - logits[target]}, and its gradient in place. */
public final class CrossEntropy {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();
    private static final int BLOCK = 2048; // a sum in f32 lanes stays exact enough over so many logits

    private CrossEntropy() {}

    /**
     * The loss of one row in nats; then, unless {@code factor} is 0, the logits become {@code factor · (softmax(logits) - onehot)}.
     *
     * @param row the first byte of the row's f32 logits
     * @param target from 0 to {@code vocabulary}, not checked
     */
    public static double row(MemorySegment logits, long row, int vocabulary, int target, float factor) {
        float max = max(logits, row, vocabulary);
        long targetAt = row + (long) target * 4;
        float chosen = logits.get(JAVA_FLOAT_UNALIGNED, targetAt);
        double sum = 0;
        for (int from = 0; from < vocabulary; from += BLOCK) {
            long block = row + (long) from * 4;
            int count = Math.min(BLOCK, vocabulary - from);
            sum += factor == 0 ? sumOfExp(logits, block, count, max) : replaceByExp(logits, block, count, max);
        }
        if (factor != 0) {
            scale(logits, row, vocabulary, (float) (factor / sum));
            logits.set(JAVA_FLOAT_UNALIGNED, targetAt, logits.get(JAVA_FLOAT_UNALIGNED, targetAt) - factor);
        }
        return Math.log(sum) + max - chosen;
    }

    /** The largest logit; NaN are passed over, the sum finds them. */
    private static float max(MemorySegment x, long row, int count) {
        var m0 = FloatVector.broadcast(LANES, Float.NEGATIVE_INFINITY);
        var m1 = m0;
        int i = 0;
        for (; i <= count - 2 * STEP; i += 2 * STEP) {
            long at = row + (long) i * 4;
            var a = FloatVector.fromMemorySegment(LANES, x, at, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, x, at + 4L * STEP, LITTLE_ENDIAN);
            m0 = m0.blend(a, m0.compare(LT, a)); // FloatVector.max takes three times as many instructions
            m1 = m1.blend(b, m1.compare(LT, b));
        }
        float max = m0.blend(m1, m0.compare(LT, m1)).reduceLanes(MAX);
        for (; i < count; i++) {
            float a = x.get(JAVA_FLOAT_UNALIGNED, row + (long) i * 4);
            max = max < a ? a : max;
        }
        return max;
    }

    /** {@code Σ exp(x - max)} of one block. */
    private static double sumOfExp(MemorySegment x, long block, int count, float max) {
        var sums = FloatVector.zero(LANES);
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            var a = FloatVector.fromMemorySegment(LANES, x, block + (long) i * 4, LITTLE_ENDIAN);
            sums = sums.add(Exp.exp(a.sub(max)));
        }
        double sum = LaneSum.of(sums);
        for (; i < count; i++) sum += Exp.exp(x.get(JAVA_FLOAT_UNALIGNED, block + (long) i * 4) - max);
        return sum;
    }

    /** {@link #sumOfExp}, which also keeps every {@code exp(x - max)} in the place of x. */
    private static double replaceByExp(MemorySegment x, long block, int count, float max) {
        var sums = FloatVector.zero(LANES);
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            long at = block + (long) i * 4;
            var exp = Exp.exp(
                    FloatVector.fromMemorySegment(LANES, x, at, LITTLE_ENDIAN).sub(max));
            exp.intoMemorySegment(x, at, LITTLE_ENDIAN);
            sums = exp.add(sums);
        }
        double sum = LaneSum.of(sums);
        for (; i < count; i++) {
            long at = block + (long) i * 4;
            float exp = Exp.exp(x.get(JAVA_FLOAT_UNALIGNED, at) - max);
            x.set(JAVA_FLOAT_UNALIGNED, at, exp);
            sum += exp;
        }
        return sum;
    }

    private static void scale(MemorySegment x, long row, int count, float scale) {
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            long at = row + (long) i * 4;
            FloatVector.fromMemorySegment(LANES, x, at, LITTLE_ENDIAN)
                    .mul(scale)
                    .intoMemorySegment(x, at, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            long at = row + (long) i * 4;
            x.set(JAVA_FLOAT_UNALIGNED, at, x.get(JAVA_FLOAT_UNALIGNED, at) * scale);
        }
    }
}
