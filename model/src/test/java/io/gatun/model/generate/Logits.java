package io.gatun.model.generate;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/** Rows of logits for tests. */
final class Logits {
    private Logits() {}

    static Tensor of(Arena arena, double... values) {
        Tensor row = Tensor.zeros(arena, DType.F32, 1, values.length);
        for (int i = 0; i < values.length; i++) row.set(0, i, values[i]);
        return row;
    }

    /** Normally distributed with deviation {@code scale}, rounded to multiples of {@code step}, so that many tie. */
    static Tensor random(Arena arena, long seed, int vocabulary, double scale, double step) {
        Random random = new Random(seed);
        double[] values = new double[vocabulary];
        for (int i = 0; i < vocabulary; i++) values[i] = step * Math.rint(random.nextGaussian() * scale / step);
        return of(arena, values);
    }

    static float[] array(Tensor row) {
        float[] values = new float[row.cols()];
        for (int i = 0; i < values.length; i++) values[i] = (float) row.get(0, i);
        return values;
    }

    /** Pearson's statistic of {@code counts} against {@code probabilities}; infinite when something impossible was counted. */
    static double chiSquare(int[] counts, double[] probabilities) {
        long draws = 0;
        for (int count : counts) draws += count;
        double sum = 0;
        for (int i = 0; i < counts.length; i++) {
            double expected = draws * probabilities[i];
            if (expected == 0 && counts[i] > 0) return Double.POSITIVE_INFINITY;
            if (expected > 0) sum += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        return sum;
    }

    /** What {@link #chiSquare} exceeds once in about a million tests (Wilson and Hilferty 1931). */
    static double limit(double[] probabilities) {
        int freedom = -1;
        for (double p : probabilities) if (p > 0) freedom++;
        if (freedom == 0) return 1e-9;
        double ninth = 2.0 / (9 * freedom);
        return freedom * Math.pow(1 - ninth + 4.75 * Math.sqrt(ninth), 3);
    }
}
