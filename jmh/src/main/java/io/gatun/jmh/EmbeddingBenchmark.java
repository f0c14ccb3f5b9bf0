package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;

/** 1024 tokens' rows of train-bench's embedding, and their gradient. */
public class EmbeddingBenchmark extends CpuBenchmark {
    private static final int ROWS = 1024;
    private static final int VOCABULARY = 8192;
    private static final int DIM = 512;

    private Tensor table, ids, y;

    @Override
    void setUp() {
        table = memory.normal(VOCABULARY, DIM);
        ids = memory.below(VOCABULARY, 8, ROWS / 8);
        y = memory.normal(ROWS, DIM);
    }

    @Benchmark
    public Tensor forward() {
        ops.elementwise().embedding(y, table, ids);
        return y;
    }

    @Benchmark
    public Tensor forwardTwin() {
        for (int r = 0; r < ROWS; r++) {
            long from = row(r);
            for (int c = 0; c < DIM; c++) Scalar.set(y.data(), (long) r * DIM + c, Scalar.get(table.data(), from + c));
        }
        return y;
    }

    @Benchmark
    public Tensor grad() {
        ops.elementwise().embeddingGrad(table, y, ids);
        return table;
    }

    @Benchmark
    public Tensor gradTwin() {
        for (int r = 0; r < ROWS; r++) Scalar.addScaled(table.data(), row(r), 1, y.data(), (long) r * DIM, DIM);
        return table;
    }

    private long row(int r) {
        return (long) ids.data().getAtIndex(JAVA_INT, r) * DIM;
    }
}
