package io.gatun.trainer.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/** Numbers as people read them, the same in every locale. */
final class Numbers {
    private Numbers() {}

    /** {@code decimals} digits after the point; {@code n/a} for what is not finite. */
    static String fixed(double value, int decimals) {
        return Double.isFinite(value)
                ? BigDecimal.valueOf(value)
                        .setScale(decimals, RoundingMode.HALF_UP)
                        .toPlainString()
                : "n/a";
    }

    /** Three significant digits and a unit: {@code 12.3k}, {@code 1.54M}, {@code 0.042}, {@code 3e-4}. */
    static String compact(double value) {
        double size = Math.abs(value);
        if (!Double.isFinite(value)) return "n/a";
        if (size >= 999.5e6) return significant(value / 1e9, 3) + "B";
        if (size >= 999.5e3) return significant(value / 1e6, 3) + "M";
        if (size >= 999.5) return significant(value / 1e3, 3) + "k";
        return significant(value, 3);
    }

    /** So many significant digits, zeros at the end left out: {@code 2.331}, {@code 9012}, {@code 3e-4}. */
    static String significant(double value, int digits) {
        if (!Double.isFinite(value)) return "n/a";
        if (value == 0) return "0";
        var rounded = new BigDecimal(value)
                .round(new MathContext(digits, RoundingMode.HALF_UP))
                .stripTrailingZeros();
        if (Math.abs(value) >= 0.001) return rounded.toPlainString();
        int exponent = rounded.precision() - rounded.scale() - 1;
        return rounded.scaleByPowerOfTen(-exponent).toPlainString() + "e" + exponent;
    }

    /** {@code 1,234,567}. */
    static String grouped(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /** {@code 0:58}, {@code 12:05}, {@code 1:02:03}; dashes for what is not finite. */
    static String duration(double seconds) {
        if (!Double.isFinite(seconds)) return "-:--";
        long s = Math.max(0, Math.round(seconds));
        return s < 3600
                ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    }
}
