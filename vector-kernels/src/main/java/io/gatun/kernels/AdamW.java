package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), one pass over {@code count} elements from {@code
 * from} on: {@code g = gradFactor·grad; m = β1·m + (1-β1)·g; v = β2·v + (1-β2)·g²; w = w - lr·decay·w - lr·m̂/(√v̂ + eps)} with
 * {@code m̂ = m/(1-β1^step)}, {@code v̂ = v/(1-β2^step)}.
 */
public final class AdamW {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();

    private AdamW() {}

    /** Updates {@code w}, {@code m}, {@code v}, all f32. */
    public static void update(
            MemorySegment w,
            MemorySegment grad,
            MemorySegment m,
            MemorySegment v,
            long from,
            int count,
            double learningRate,
            double weightDecay,
            double beta1,
            double beta2,
            double eps,
            double gradFactor,
            long step) {
        float decay = (float)
                (-learningRate * weightDecay); // of w, as a part of the move: the factor 1 - lr·decay would lose digits
        float rate = (float) (-learningRate / (1 - Math.pow(beta1, step)));
        float root = (float) (1 / Math.sqrt(1 - Math.pow(beta2, step)));
        float keep1 = (float) beta1;
        float take1 = (float) ((1 - beta1) * gradFactor);
        float keep2 = (float) beta2;
        float take2 = (float) (1 - beta2);
        float factor = (float) gradFactor;
        float floor = (float) eps;
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            long at = (from + i) * 4;
            var g = FloatVector.fromMemorySegment(LANES, grad, at, LITTLE_ENDIAN);
            var m1 = FloatVector.fromMemorySegment(LANES, m, at, LITTLE_ENDIAN)
                    .mul(keep1)
                    .add(g.mul(take1));
            g = g.mul(factor);
            var v1 = FloatVector.fromMemorySegment(LANES, v, at, LITTLE_ENDIAN)
                    .mul(keep2)
                    .add(g.mul(g).mul(take2));
            var w0 = FloatVector.fromMemorySegment(LANES, w, at, LITTLE_ENDIAN);
            m1.intoMemorySegment(m, at, LITTLE_ENDIAN);
            v1.intoMemorySegment(v, at, LITTLE_ENDIAN);
            var move = m1.mul(rate).div(v1.sqrt().mul(root).add(floor));
            w0.add(w0.mul(decay).add(move)).intoMemorySegment(w, at, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            long at = (from + i) * 4;
            float g = grad.get(JAVA_FLOAT_UNALIGNED, at);
            float m1 = m.get(JAVA_FLOAT_UNALIGNED, at) * keep1 + g * take1;
            g *= factor;
            float v1 = v.get(JAVA_FLOAT_UNALIGNED, at) * keep2 + g * g * take2;
            float w0 = w.get(JAVA_FLOAT_UNALIGNED, at);
            m.set(JAVA_FLOAT_UNALIGNED, at, m1);
            v.set(JAVA_FLOAT_UNALIGNED, at, v1);
            float move = m1 * rate / ((float) Math.sqrt(v1) * root + floor);
            w.set(JAVA_FLOAT_UNALIGNED, at, w0 + (w0 * decay + move));
        }
    }

    /** {@link #update} with moments in BF16: {@code w} moves by their unrounded values, then they are rounded. */
    public static void updateBf16(
            MemorySegment w,
            MemorySegment grad,
            MemorySegment m,
            MemorySegment v,
            long from,
            int count,
            double learningRate,
            double weightDecay,
            double beta1,
            double beta2,
            double eps,
            double gradFactor,
            long step) {
        float decay = (float) (-learningRate * weightDecay);
        float rate = (float) (-learningRate / (1 - Math.pow(beta1, step)));
        float root = (float) (1 / Math.sqrt(1 - Math.pow(beta2, step)));
        float keep1 = (float) beta1;
        float take1 = (float) ((1 - beta1) * gradFactor);
        float keep2 = (float) beta2;
        float take2 = (float) (1 - beta2);
        float factor = (float) gradFactor;
        float floor = (float) eps;
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            long at = (from + i) * 4;
            long half = (from + i) * 2;
            var g = FloatVector.fromMemorySegment(LANES, grad, at, LITTLE_ENDIAN);
            var m0 = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, m, half, LITTLE_ENDIAN));
            var v0 = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, v, half, LITTLE_ENDIAN));
            var m1 = m0.mul(keep1).add(g.mul(take1));
            g = g.mul(factor);
            var v1 = v0.mul(keep2).add(g.mul(g).mul(take2));
            var w0 = FloatVector.fromMemorySegment(LANES, w, at, LITTLE_ENDIAN);
            Bf16.encode(m1).intoMemorySegment(m, half, LITTLE_ENDIAN);
            Bf16.encode(v1).intoMemorySegment(v, half, LITTLE_ENDIAN);
            var move = m1.mul(rate).div(v1.sqrt().mul(root).add(floor));
            w0.add(w0.mul(decay).add(move)).intoMemorySegment(w, at, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            long at = (from + i) * 4;
            long half = (from + i) * 2;
            float g = grad.get(JAVA_FLOAT_UNALIGNED, at);
            float m1 = Bf16.decode(m.get(JAVA_SHORT_UNALIGNED, half)) * keep1 + g * take1;
            g *= factor;
            float v1 = Bf16.decode(v.get(JAVA_SHORT_UNALIGNED, half)) * keep2 + g * g * take2;
            float w0 = w.get(JAVA_FLOAT_UNALIGNED, at);
            m.set(JAVA_SHORT_UNALIGNED, half, Bf16.encode(m1));
            v.set(JAVA_SHORT_UNALIGNED, half, Bf16.encode(v1));
            float move = m1 * rate / ((float) Math.sqrt(v1) * root + floor);
            w.set(JAVA_FLOAT_UNALIGNED, at, w0 + (w0 * decay + move));
        }
    }
}
