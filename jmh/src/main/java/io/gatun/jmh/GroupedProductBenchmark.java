package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;

/** The three products of the small configuration's experts: 256 tokens, four experts each, unevenly spread. */
public class GroupedProductBenchmark extends CpuBenchmark {
    private static final int EXPERTS = 16;
    private static final int ROWS = 1024;
    private static final int K = 128;
    private static final int N = 64;

    private MatmulEngine engine;
    private Weight[] experts;
    private Tensor offsets; // i32 [EXPERTS + 1]
    private Tensor x; // [ROWS, K]
    private Tensor y; // [ROWS, N]

    @Override
    void setUp() {
        engine = ops.products();
        experts = new Weight[EXPERTS];
        offsets = memory.ints(EXPERTS + 1);
        for (int e = 0; e < EXPERTS; e++) {
            experts[e] = engine.prepare(memory.arena(), memory.normal(N, K), memory.zeros(N, K), Format.F32);
            offsets.set(e + 1, offsets.get(e) + 4 + 8 * e); // 4, 12, …, 124 rows: 1024
        }
        engine.refresh(experts);
        x = memory.normal(ROWS, K);
        y = memory.normal(ROWS, N);
    }

    @Benchmark
    public Tensor forward() {
        engine.forward(y, x, experts, offsets);
        return y;
    }

    @Benchmark
    public Tensor inputGrad() {
        engine.inputGrad(x, y, experts, offsets, Accumulate.WRITE);
        return x;
    }

    @Benchmark
    public Weight[] weightGrad() {
        engine.weightGrad(experts, y, x, offsets);
        return experts;
    }

    @Benchmark
    public Tensor forwardTwin() {
        for (int e = 0; e < EXPERTS; e++) {
            MemorySegment w = experts[e].value().data();
            for (int r = offset(e); r < offset(e + 1); r++) {
                for (int j = 0; j < N; j++) {
                    Scalar.set(y.data(), (long) r * N + j, Scalar.dot(x.data(), (long) r * K, w, (long) j * K, K));
                }
            }
        }
        return y;
    }

    @Benchmark
    public Tensor inputGradTwin() {
        for (int e = 0; e < EXPERTS; e++) {
            MemorySegment w = experts[e].value().data();
            for (int r = offset(e); r < offset(e + 1); r++) {
                Scalar.clear(x.data(), (long) r * K, K);
                for (int j = 0; j < N; j++) {
                    float dy = Scalar.get(y.data(), (long) r * N + j);
                    Scalar.addScaled(x.data(), (long) r * K, dy, w, (long) j * K, K);
                }
            }
        }
        return x;
    }

    @Benchmark
    public Weight[] weightGradTwin() {
        for (int e = 0; e < EXPERTS; e++) {
            MemorySegment dw = experts[e].grad().data();
            for (int r = offset(e); r < offset(e + 1); r++) {
                for (int j = 0; j < N; j++) {
                    float dy = Scalar.get(y.data(), (long) r * N + j);
                    Scalar.addScaled(dw, (long) j * K, dy, x.data(), (long) r * K, K);
                }
            }
        }
        return experts;
    }

    private int offset(int e) {
        return offsets.data().getAtIndex(JAVA_INT, e);
    }

    @Benchmark
    public float forwardRoof() {
        return Scalar.multiplyAdds(ROWS, K, N);
    }
}
