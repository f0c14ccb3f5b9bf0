package io.gatun.jmh;

import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;

/** The experts' activation for 64 tokens at DeepSeek-V3's width. */
public class SwiGluBenchmark extends CpuBenchmark {
    private static final int ROWS = 64;
    private static final int DIM = 2048;
    private static final int COUNT = ROWS * DIM;

    private Tensor h, gate, up, dGate, dUp;

    @Override
    void setUp() {
        h = memory.normal(ROWS, DIM);
        gate = memory.normal(ROWS, DIM);
        up = memory.normal(ROWS, DIM);
        dGate = memory.zeros(ROWS, DIM);
        dUp = memory.zeros(ROWS, DIM);
    }

    @Benchmark
    public Tensor forward() {
        ops.elementwise().swiGlu(h, gate, up);
        return h;
    }

    @Benchmark
    public Tensor forwardTwin() {
        for (int i = 0; i < COUNT; i++) {
            float g = Scalar.get(gate.data(), i);
            Scalar.set(h.data(), i, g * sigmoid(g) * Scalar.get(up.data(), i));
        }
        return h;
    }

    @Benchmark
    public Tensor grad() {
        ops.elementwise().swiGluGrad(dGate, dUp, h, gate, up);
        return dGate;
    }

    @Benchmark
    public Tensor gradTwin() {
        for (int i = 0; i < COUNT; i++) {
            float g = Scalar.get(gate.data(), i);
            float sigmoid = sigmoid(g);
            float dh = Scalar.get(h.data(), i);
            Scalar.set(dUp.data(), i, dh * g * sigmoid);
            Scalar.set(dGate.data(), i, dh * Scalar.get(up.data(), i) * sigmoid * (1 + g * (1 - sigmoid)));
        }
        return dGate;
    }

    private static float sigmoid(float x) {
        return 1 / (1 + (float) Math.exp(-x));
    }
}
