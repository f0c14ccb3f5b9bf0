package io.gatun.trainer.report;

import java.util.Locale;

/** HTML or SVG text that grows: well-formed XML, numbers in the root locale. */
final class Markup {
    private final StringBuilder text = new StringBuilder();

    /** Appends as {@link String#format}; text from elsewhere goes through {@link #escape} first. */
    Markup add(String format, Object... arguments) {
        text.append(String.format(Locale.ROOT, format, arguments));
        return this;
    }

    Markup raw(String markup) {
        text.append(markup);
        return this;
    }

    /** {@code text} as character data or attribute value; what XML cannot hold becomes U+FFFD. */
    static String escape(String text) {
        var out = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                default -> out.appendCodePoint(allowed(c) ? c : 0xFFFD);
            }
        });
        return out.toString();
    }

    private static boolean allowed(int c) { // XML 1.0, production 2, less the C1 controls
        return c == '\t'
                || c == '\n'
                || c >= ' ' && c < 0x7F
                || c >= 0xA0 && c < 0xD800
                || c >= 0xE000 && c < 0xFFFE
                || c >= 0x10000;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
