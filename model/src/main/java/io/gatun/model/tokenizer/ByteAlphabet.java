package io.gatun.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The 256 characters that stand for bytes in a byte-level vocabulary (GPT-2's {@code bytes_to_unicode}): a printable
 * Latin-1 character stands for its own code, the others follow from U+0100 on, in the order of their bytes.
 */
final class ByteAlphabet {
    private static final char FIRST_STAND_IN = 0x100;
    private static final char[] CHARACTERS = new char[256];
    private static final short[] BYTES = new short[0x200]; // -1: not in the alphabet

    static {
        Arrays.fill(BYTES, (short) -1);
        char standIn = FIRST_STAND_IN;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xFF && b != 0xAD; // U+00AD: soft hyphen
            CHARACTERS[b] = printable ? (char) b : standIn++;
            BYTES[CHARACTERS[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** The character of a byte, 0 to 255. */
    static char character(int b) {
        return CHARACTERS[b];
    }

    /** Bytes in the alphabet's characters. */
    static String write(byte[] bytes) {
        char[] characters = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) characters[i] = CHARACTERS[bytes[i] & 0xFF];
        return new String(characters);
    }

    /** The bytes a token stands for: its UTF-8 as it is when any character is outside the alphabet. */
    static byte[] read(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTES.length || BYTES[c] < 0) return token.getBytes(StandardCharsets.UTF_8);
            bytes[i] = (byte) BYTES[c];
        }
        return bytes;
    }
}
