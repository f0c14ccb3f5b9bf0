package io.gatun.jmh.compare;

import java.util.Arrays;

/**
 * What one benchmark gave with one set of parameters.
 *
 * @param times of an operation, one a fork: the median of its iterations; for throughput its reciprocal, so that less is better
 * @param unit of the times
 * @param allocated bytes an operation, in the last iteration of the fork that allocated least; NaN without {@code -prof gc}
 */
record Measurement(double[] times, String unit, double allocated) {
    /** The median of the forks. */
    double time() {
        return median(times);
    }

    /** The same benchmark in more forks. */
    Measurement and(Measurement more) {
        double[] all = Arrays.copyOf(times, times.length + more.times.length);
        System.arraycopy(more.times, 0, all, times.length, more.times.length);
        double least = Double.isNaN(allocated) ? more.allocated : Math.min(allocated, more.allocated);
        return new Measurement(all, unit, least);
    }

    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return medianOfSorted(sorted);
    }

    static double medianOfSorted(double[] sorted) {
        int half = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
