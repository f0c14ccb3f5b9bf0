package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.gatun.kernels.Bf16;
import io.gatun.model.ops.Elementwise;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** One update of a dense matrix of train-bench, with moments in F32 or BF16. */
public class AdamWBenchmark extends CpuBenchmark {
    private static final int COUNT = 1408 * 512;

    @Param({"F32", "BF16"})
    public DType moments;

    private final Elementwise.AdamW step = new Elementwise.AdamW();
    private Tensor w, grad, m, v;

    @Override
    void setUp() {
        step.learningRate = 1e-3;
        step.step = 100;
        w = memory.normal(1408, 512);
        grad = memory.normal(1408, 512);
        m = Tensor.zeros(memory.arena(), moments, 1408, 512);
        v = Tensor.zeros(memory.arena(), moments, 1408, 512);
    }

    @Benchmark
    public Tensor update() {
        ops.elementwise().adamW(w, grad, m, v, step);
        return w;
    }

    @Benchmark
    public Tensor updateTwin() {
        float rate = (float) (step.learningRate / (1 - Math.pow(step.beta1, step.step)));
        float correction = (float) (1 / Math.sqrt(1 - Math.pow(step.beta2, step.step)));
        float kept = (float) (1 - step.learningRate * step.weightDecay);
        float beta1 = (float) step.beta1;
        float beta2 = (float) step.beta2;
        float eps = (float) step.eps;
        if (moments == DType.F32) {
            for (int i = 0; i < COUNT; i++) {
                float g = Scalar.get(grad.data(), i);
                float first = beta1 * Scalar.get(m.data(), i) + (1 - beta1) * g;
                float second = beta2 * Scalar.get(v.data(), i) + (1 - beta2) * g * g;
                Scalar.set(m.data(), i, first);
                Scalar.set(v.data(), i, second);
                float change = rate * first / ((float) Math.sqrt(second) * correction + eps);
                Scalar.set(w.data(), i, kept * Scalar.get(w.data(), i) - change);
            }
        } else {
            for (int i = 0; i < COUNT; i++) {
                float g = Scalar.get(grad.data(), i);
                float first = beta1 * bf16(m.data(), i) + (1 - beta1) * g;
                float second = beta2 * bf16(v.data(), i) + (1 - beta2) * g * g;
                m.data().setAtIndex(JAVA_SHORT, i, Bf16.encode(first));
                v.data().setAtIndex(JAVA_SHORT, i, Bf16.encode(second));
                float change = rate * first / ((float) Math.sqrt(second) * correction + eps);
                Scalar.set(w.data(), i, kept * Scalar.get(w.data(), i) - change);
            }
        }
        return w;
    }

    private static float bf16(MemorySegment x, int i) {
        return Bf16.decode(x.getAtIndex(JAVA_SHORT, i));
    }
}
