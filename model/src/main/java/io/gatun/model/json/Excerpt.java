package io.gatun.model.json;

/** Parts of files in error messages, which are one line and not a page. */
public final class Excerpt {
    private static final int VALUE = 80;
    private static final int SENTENCE = 300;

    private Excerpt() {}

    /** A value from a file: at most 80 characters of it. */
    public static String of(Object value) {
        return cut(String.valueOf(value), VALUE);
    }

    /** What a parser says of a file, which may quote it: at most 300 characters. */
    public static String sentence(String text) {
        return cut(text, SENTENCE);
    }

    private static String cut(String text, int most) {
        StringBuilder shown = new StringBuilder(text);
        if (text.length() > most) {
            shown.setLength(most);
            shown.append("…");
        }
        for (int i = 0; i < shown.length(); i++) { // nothing that would start a new line
            char c = shown.charAt(i);
            if (Character.isISOControl(c) || c == '\u2028' || c == '\u2029') shown.setCharAt(i, ' ');
        }
        return shown.toString();
    }
}
