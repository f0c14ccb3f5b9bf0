package io.gatun.jmh;

import io.gatun.model.generate.Sampler;
import io.gatun.model.generate.Sampling;
import io.gatun.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;

/** The next token from the logits of dsv3-1b3's vocabulary. */
public class SamplingBenchmark extends CpuBenchmark {
    private static final int VOCABULARY = 32768;
    private static final double TOP_P = 0.95;

    private Tensor logits;
    private Sampler greedy, nucleus;
    private double[] probabilities, sorted; // what the twin sorts
    private SplittableRandom random;

    @Override
    void setUp() {
        logits = memory.normal(1, VOCABULARY);
        for (int i = 0; i < VOCABULARY; i++) logits.set(i, 3 * logits.get(i)); // a few are much likelier than most
        greedy = new Sampler(Sampling.GREEDY, VOCABULARY);
        nucleus = new Sampler(Sampling.GREEDY.temperature(1).topP(TOP_P).seed(1), VOCABULARY);
        probabilities = new double[VOCABULARY];
        sorted = new double[VOCABULARY];
        random = new SplittableRandom(1);
    }

    @Benchmark
    public int greedy() {
        return greedy.next(logits);
    }

    @Benchmark
    public int greedyTwin() {
        int best = 0;
        for (int i = 1; i < VOCABULARY; i++) {
            if (Scalar.get(logits.data(), i) > Scalar.get(logits.data(), best)) best = i;
        }
        return best;
    }

    @Benchmark
    public int nucleus() {
        return nucleus.next(logits);
    }

    /** Sorts all tokens, as one writes it first. */
    @Benchmark
    public int nucleusTwin() {
        double sum = 0;
        for (int i = 0; i < VOCABULARY; i++) {
            probabilities[i] = Math.exp(Scalar.get(logits.data(), i));
            sorted[i] = probabilities[i];
            sum += probabilities[i];
        }
        Arrays.sort(sorted);
        double kept = 0;
        int last = VOCABULARY;
        while (kept < TOP_P * sum) kept += sorted[--last];
        double drawn = random.nextDouble() * kept;
        for (int i = 0; i < VOCABULARY; i++) {
            if (probabilities[i] < sorted[last]) continue;
            drawn -= probabilities[i];
            if (drawn <= 0) return i;
        }
        return greedyTwin();
    }
}
