package io.gatun.jmh.compare;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * How many times as long something takes as something else: the median ratio and the 99 % interval that bootstrap gives for it.
 *
 * <p>Forks are drawn again with replacement, ten thousand times, always from the same seed, and the median of the logarithms is
 * taken each time; the interval lies between the 0.5 % and the 99.5 % quantile. Medians, because a fork that another program
 * disturbed says nothing. With less than five forks chance alone makes all of them agree too often, so those are refused.
 */
record Ratio(double value, double low, double high) {
    static final int FEWEST = 5;
    private static final int DRAWS = 10_000;
    private static final int TAIL = DRAWS / 200; // 0.5 %

    /**
     * Of forks that ran in pairs: {@code after[i]} right before or after {@code before[i]}.
     *
     * @throws CompareException for less than five pairs
     */
    static Ratio paired(double[] before, double[] after) {
        if (before.length != after.length) {
            throw new CompareException(
                    "%d times before and %d after are no pairs".formatted(before.length, after.length));
        }
        enough(before.length);
        double[] logs = new double[before.length];
        for (int i = 0; i < logs.length; i++) logs[i] = Math.log(after[i] / before[i]);
        SplittableRandom random = new SplittableRandom(1);
        double[] drawn = new double[logs.length];
        double[] medians = new double[DRAWS];
        for (int i = 0; i < DRAWS; i++) medians[i] = redrawn(logs, drawn, random);
        return of(Measurement.median(logs), medians);
    }

    /**
     * Of forks that ran apart.
     *
     * @throws CompareException for less than five on either side
     */
    static Ratio independent(double[] before, double[] after) {
        enough(Math.min(before.length, after.length));
        double[] logBefore = Arrays.stream(before).map(Math::log).toArray();
        double[] logAfter = Arrays.stream(after).map(Math::log).toArray();
        SplittableRandom random = new SplittableRandom(1);
        double[] drawnBefore = new double[before.length];
        double[] drawnAfter = new double[after.length];
        double[] differences = new double[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            differences[i] = redrawn(logAfter, drawnAfter, random) - redrawn(logBefore, drawnBefore, random);
        }
        return of(Measurement.median(logAfter) - Measurement.median(logBefore), differences);
    }

    private static void enough(int forks) {
        if (forks < FEWEST) {
            throw new CompareException(
                    "%d forks are too few to tell a change from noise; at least %d are needed (-f %2$d)"
                            .formatted(forks, FEWEST));
        }
    }

    private static double redrawn(double[] values, double[] drawn, SplittableRandom random) {
        for (int i = 0; i < drawn.length; i++) drawn[i] = values[random.nextInt(values.length)];
        Arrays.sort(drawn);
        return Measurement.medianOfSorted(drawn);
    }

    private static Ratio of(double log, double[] draws) {
        Arrays.sort(draws);
        return new Ratio(Math.exp(log), Math.exp(draws[TAIL]), Math.exp(draws[DRAWS - 1 - TAIL]));
    }

    /** The same relative to {@code factor}. */
    Ratio over(double factor) {
        return new Ratio(value / factor, low / factor, high / factor);
    }
}
