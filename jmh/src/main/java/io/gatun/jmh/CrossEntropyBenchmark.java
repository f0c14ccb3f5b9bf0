package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;

/** Loss and gradient of 64 tokens over train-bench's vocabulary. Each call takes the gradient of the last for logits. */
public class CrossEntropyBenchmark extends CpuBenchmark {
    private static final int ROWS = 64;
    private static final int VOCABULARY = 8192;
    private static final float FACTOR = 1e-3f;

    private Tensor losses, logits, targets;

    @Override
    void setUp() {
        losses = memory.zeros(ROWS);
        logits = memory.normal(ROWS, VOCABULARY);
        targets = memory.below(VOCABULARY, ROWS);
    }

    @Benchmark
    public Tensor crossEntropy() {
        ops.elementwise().crossEntropy(losses, logits, targets, FACTOR);
        return losses;
    }

    @Benchmark
    public Tensor crossEntropyTwin() {
        for (int r = 0; r < ROWS; r++) {
            long row = (long) r * VOCABULARY;
            long target = row + targets.data().getAtIndex(JAVA_INT, r);
            float largest = Float.NEGATIVE_INFINITY;
            for (int c = 0; c < VOCABULARY; c++) largest = Math.max(largest, Scalar.get(logits.data(), row + c));
            double sum = 0;
            for (int c = 0; c < VOCABULARY; c++) sum += Math.exp(Scalar.get(logits.data(), row + c) - largest);
            double logSumExp = largest + Math.log(sum);
            Scalar.set(losses.data(), r, (float) (logSumExp - Scalar.get(logits.data(), target)));
            for (int c = 0; c < VOCABULARY; c++) {
                double p = Math.exp(Scalar.get(logits.data(), row + c) - logSumExp);
                Scalar.set(logits.data(), row + c, (float) (FACTOR * p));
            }
            Scalar.set(logits.data(), target, Scalar.get(logits.data(), target) - FACTOR);
        }
        return losses;
    }
}
