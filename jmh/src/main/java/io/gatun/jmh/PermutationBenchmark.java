package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.model.ops.RouterConfig;
import io.gatun.model.ops.Routing;
import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;

/** Rows to their experts and back: a micro-batch of the small configuration. */
public class PermutationBenchmark extends CpuBenchmark {
    private static final int ROWS = 1024;
    private static final int EXPERTS = 16;
    private static final int TOP = 4;
    private static final int DIM = 128;

    private Routing routing;
    private Tensor x, permuted, dPermuted, dWeights;

    @Override
    void setUp() {
        routing = new Routing(
                memory.zeros(ROWS, EXPERTS),
                memory.ints(ROWS, TOP),
                memory.zeros(ROWS, TOP),
                memory.ints(ROWS, TOP),
                memory.ints((long) ROWS * TOP),
                memory.ints(EXPERTS + 1));
        RouterConfig router = new RouterConfig(EXPERTS, TOP, 1, 1, Scoring.SIGMOID, true, true, 2.5f);
        ops.experts().route(routing, memory.normal(ROWS, EXPERTS), memory.zeros(EXPERTS), router);
        x = memory.normal(ROWS, DIM);
        permuted = memory.normal((long) TOP * ROWS, DIM);
        dPermuted = memory.zeros((long) TOP * ROWS, DIM);
        dWeights = memory.zeros(ROWS, TOP);
    }

    @Benchmark
    public Tensor permute() {
        ops.experts().permute(permuted, x, routing);
        return permuted;
    }

    @Benchmark
    public Tensor permuteTwin() {
        for (int i = 0; i < ROWS * TOP; i++) {
            long to = (long) position(i) * DIM;
            long from = (long) (i / TOP) * DIM;
            for (int c = 0; c < DIM; c++) Scalar.set(permuted.data(), to + c, Scalar.get(x.data(), from + c));
        }
        return permuted;
    }

    @Benchmark
    public Tensor unpermute() {
        ops.experts().unpermute(x, permuted, routing, Accumulate.WRITE);
        return x;
    }

    @Benchmark
    public Tensor unpermuteTwin() {
        Scalar.clear(x.data(), 0, ROWS * DIM);
        for (int i = 0; i < ROWS * TOP; i++) {
            float weight = Scalar.get(routing.weights().data(), i);
            long from = (long) position(i) * DIM;
            Scalar.addScaled(x.data(), (long) (i / TOP) * DIM, weight, permuted.data(), from, DIM);
        }
        return x;
    }

    @Benchmark
    public Tensor unpermuteGrad() {
        ops.experts().unpermuteGrad(dPermuted, dWeights, x, permuted, routing);
        return dPermuted;
    }

    @Benchmark
    public Tensor unpermuteGradTwin() {
        for (int i = 0; i < ROWS * TOP; i++) {
            long row = (long) position(i) * DIM;
            long token = (long) (i / TOP) * DIM;
            float weight = Scalar.get(routing.weights().data(), i);
            Scalar.set(dWeights.data(), i, Scalar.dot(x.data(), token, permuted.data(), row, DIM));
            for (int c = 0; c < DIM; c++) {
                Scalar.set(dPermuted.data(), row + c, weight * Scalar.get(x.data(), token + c));
            }
        }
        return dPermuted;
    }

    private int position(int choice) {
        return routing.positions().data().getAtIndex(JAVA_INT, choice);
    }
}
