package io.gatun.trainer.report;

/**
 * A moving average over the last values, fewer at the start, where a run changes fast: the window is an eighth of the values
 * so far, at most {@code widest}. What is not finite is left out; NaN before any value.
 */
final class MovingAverage {
    private final double widest;
    private double average = Double.NaN;
    private long count;

    MovingAverage(double widest) {
        this.widest = Math.max(1, widest);
    }

    /** The average of a whole series, at each of its values. */
    static double[] of(double[] values, double widest) {
        var average = new MovingAverage(widest);
        double[] smooth = new double[values.length];
        for (int i = 0; i < values.length; i++) smooth[i] = average.add(values[i]);
        return smooth;
    }

    double add(double value) {
        if (Double.isFinite(value)) {
            count++;
            double window = Math.clamp(count / 8.0, 1, widest);
            average = count == 1 ? value : average + (value - average) / window;
        }
        return average;
    }

    double value() {
        return average;
    }
}
