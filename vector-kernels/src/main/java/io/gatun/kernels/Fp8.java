package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.gatun.tensor.BlockScaled;
import java.lang.foreign.MemorySegment;

/**
 * E4M3, the 8-bit float of FP8 checkpoints (SPEC 5.2): sign, 4 exponent bits (bias 7), 3 mantissa bits; no infinity, NaN is all
 * ones, the largest number 448, the smallest 2⁻⁹.
 */
public final class Fp8 {
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

    private Fp8() {}

    /** The value of a code. */
    public static float decode(byte code) {
        return VALUES[code & 0xFF];
    }

    /** Writes row {@code row} as f32 from byte {@code at} of {@code to}: code times scale, an FP32 product. */
    static void readRow(BlockScaled w, int row, MemorySegment to, long at) {
        MemorySegment codes = w.codes().data();
        long start = row * w.codes().rowStride();
        for (int from = 0, block = 0; from < w.cols(); from += w.blockCols(), block++) {
            float scale = (float) w.scales().get(row / w.blockRows(), block);
            int end = Math.min(w.cols(), from + w.blockCols());
            for (int i = from; i < end; i++) {
                to.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, decode(codes.get(JAVA_BYTE, start + i)) * scale);
            }
        }
    }
}
