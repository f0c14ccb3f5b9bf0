package io.gatun.model.tokenizer;

/**
 * Decodes UTF-8 byte by byte. Each longest run of bytes that starts like a character and is none becomes one U+FFFD
 * (Unicode 16, section 3.9, "Substitution of Maximal Subparts"), as in Rust's {@code from_utf8_lossy}, which Hugging
 * Face calls. Java's own decoder makes one U+FFFD of an encoded surrogate, where Rust makes three.
 */
final class Utf8Decoder {
    private static final char REPLACEMENT = '\uFFFD';
    private int codePoint; // bits so far
    private int missing; // continuation bytes still to come
    private int low, high; // range of the next of them

    void put(byte next, StringBuilder text) {
        int b = next & 0xFF;
        if (missing > 0) {
            if (b >= low && b <= high) {
                proceed(b, text);
                return;
            }
            missing = 0;
            text.append(REPLACEMENT); // and the byte itself starts anew
        }
        start(b, text);
    }

    String finish() {
        boolean cut = missing > 0;
        missing = 0;
        return cut ? String.valueOf(REPLACEMENT) : "";
    }

    private void proceed(int b, StringBuilder text) {
        codePoint = codePoint << 6 | b & 0x3F;
        low = 0x80;
        high = 0xBF;
        if (--missing == 0) text.appendCodePoint(codePoint);
    }

    private void start(int b, StringBuilder text) {
        low = 0x80;
        high = 0xBF;
        if (b < 0x80) {
            text.append((char) b);
        } else if (b >= 0xC2 && b <= 0xDF) {
            expect(1, b & 0x1F);
        } else if (b >= 0xE0 && b <= 0xEF) {
            expect(2, b & 0x0F);
            if (b == 0xE0) low = 0xA0; // shorter forms exist
            if (b == 0xED) high = 0x9F; // surrogates
        } else if (b >= 0xF0 && b <= 0xF4) {
            expect(3, b & 0x07);
            if (b == 0xF0) low = 0x90; // shorter forms exist
            if (b == 0xF4) high = 0x8F; // above U+10FFFF
        } else {
            text.append(REPLACEMENT);
        }
    }

    private void expect(int continuations, int bits) {
        missing = continuations;
        codePoint = bits;
    }
}
