package io.gatun.trainer.report;

import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A linear axis from {@code min} to {@code max} with ticks at multiples of 1, 2 or 5 times a power of ten.
 *
 * @param step from tick to tick
 */
record Axis(double min, double max, double step) {
    /** An axis of whole numbers, such as training steps, that ends where the data end. */
    static Axis whole(double min, double max, int ticks) {
        if (!(max > min)) return new Axis(min - 0.5, min + 0.5, 1);
        return new Axis(min, max, Math.max(1, niceStep((max - min) / ticks)));
    }

    /** Ends at a tick on either side. */
    static Axis rounded(double min, double max, int ticks) {
        if (!(max > min)) { // one value: room for it
            double around = min == 0 ? 1 : Math.abs(min) / 2;
            return rounded(min - around, min + around, ticks);
        }
        double step = niceStep((max - min) / ticks);
        return new Axis(step * Math.floor(min / step + 1e-9), step * Math.ceil(max / step - 1e-9), step);
    }

    private static double niceStep(double atLeast) {
        double power = Math.pow(10, Math.floor(Math.log10(atLeast)));
        double mantissa = atLeast / power - 1e-9;
        return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 5 ? 5 : 10);
    }

    double[] ticks() {
        long first = (long) Math.ceil(min / step - 1e-9), last = (long) Math.floor(max / step + 1e-9);
        return IntStream.rangeClosed(0, (int) (last - first))
                .mapToDouble(i -> (first + i) * step)
                .toArray();
    }

    /** Where {@code value} lies: 0 at {@code min}, 1 at {@code max}. */
    double position(double value) {
        return (value - min) / (max - min);
    }

    /** A tick's text: as many digits as tell it from the next, and one unit for the whole axis. */
    String label(double tick) {
        if (Math.abs(tick) < step * 1e-6) return "0";
        double size = Math.max(Math.abs(min), Math.abs(max));
        if (size >= 1e9) return scaled(tick, 1e9) + "B";
        if (size >= 1e6) return scaled(tick, 1e6) + "M";
        if (size >= 1e4) return scaled(tick, 1e3) + "k";
        if (size >= 0.01) return scaled(tick, 1);
        int exponent = (int) Math.floor(Math.log10(size) + 1e-9);
        return scaled(tick, Math.pow(10, exponent)) + "e" + exponent;
    }

    private String scaled(double tick, double unit) {
        int decimals = (int) Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
        return String.format(Locale.ROOT, "%." + decimals + "f", tick / unit);
    }
}
