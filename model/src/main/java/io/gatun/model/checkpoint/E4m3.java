package io.gatun.model.checkpoint;

/**
 * The 8-bit float of FP8 checkpoints: sign, 4 exponent bits (bias 7), 3 mantissa bits; no infinity, NaN is all ones, the
 * largest number 448, the smallest 2⁻⁹.
 */
final class E4m3 {
    private static final float[] VALUES = new float[256];

    static {
        for (int code = 0; code < 256; code++) {
            int exponent = code >> 3 & 15;
            int mantissa = code & 7;
            float size = exponent == 0 ? Math.scalb(mantissa, -9) : Math.scalb(8 + mantissa, exponent - 10);
            if ((code & 0x7F) == 0x7F) size = Float.NaN;
            VALUES[code] = code < 128 ? size : -size;
        }
    }

    private E4m3() {}

    static float decode(byte code) {
        return VALUES[code & 0xFF];
    }
}
