package io.gatun.model.tokenizer;

/** Texts without half characters. */
final class WellFormed {
    private WellFormed() {}

    /** The text with U+FFFD for each unpaired surrogate; the same object if there is none. */
    static String text(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (!Character.isSurrogate(text.charAt(i))) continue;
            if (Character.isSupplementaryCodePoint(text.codePointAt(i))) i++;
            else return replaced(text);
        }
        return text;
    }

    private static String replaced(String text) {
        return text.codePoints()
                .map(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? 0xFFFD : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
