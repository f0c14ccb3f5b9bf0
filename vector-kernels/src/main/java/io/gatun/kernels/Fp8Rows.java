package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Rows of f32 numbers quantised to E4M3 by 128 numbers, as products of a GPU read them: codes in their order, scales where the caller
 * says, since a GPU wants those of a block together (SPEC 5.2, 5.6).
 */
public final class Fp8Rows {
    /** Numbers that share a scale. */
    public static final int BLOCK = 128;

    private Fp8Rows() {}

    /** Bytes of scratch memory for a row of {@code count} numbers. */
    public static long scratchBytes(int count) {
        return (long) Float.BYTES * LaneOrder.padded(count, 4);
    }

    /**
     * Quantises one row: {@code count} codes from byte {@code codesAt}, and the scale of block b at byte
     * {@code scalesAt + b · scalesStride}.
     *
     * @param isGradient whether small numbers keep their size: activations have scales of at least 1e-4 / 448, as in the released code,
     *     and gradients any; those of nothing but zeros have 1
     * @param scratch {@link #scratchBytes} bytes, overwritten
     */
    public static void quantize(
            MemorySegment codes,
            long codesAt,
            MemorySegment scales,
            long scalesAt,
            long scalesStride,
            MemorySegment x,
            long xAt,
            int count,
            boolean isGradient,
            MemorySegment scratch) {
        int padded = LaneOrder.padded(count, 4);
        LaneOrder.reorder(scratch, 0, x, xAt, count, 4, 1);
        for (int from = 0, block = 0; from < count; from += BLOCK, block++) {
            long at = (long) Float.BYTES * from;
            int numbers = Math.min(BLOCK, padded - from);
            float largest = Fp8.amax(scratch, at, numbers);
            float scale = isGradient ? gradientScale(largest) : Fp8.scale(largest);
            Fp8.quantize(scratch, at, numbers, scale, 1);
            scales.set(JAVA_FLOAT_UNALIGNED, scalesAt + block * scalesStride, scale);
        }
        Fp8.toCodes(scratch, padded);
        Fp8.pack(codes, codesAt, scratch, count);
    }

    /** The scale of a gradient's numbers whose largest size is {@code amax}: 1 where it would be 0 or not a normal number. */
    private static float gradientScale(float amax) {
        float scale = amax / Fp8.LARGEST;
        return scale < Float.MIN_NORMAL ? 1 : scale;
    }

    /** {@code y} [cols, rows], rows {@code yStride} bytes apart, becomes the transpose of {@code x} [rows, cols], whose rows are {@code xStride} bytes apart. */
    public static void transpose(
            MemorySegment y, long yAt, long yStride, MemorySegment x, long xAt, long xStride, int rows, int cols) {
        for (int r = 0; r < rows; r++) {
            long from = xAt + r * xStride, to = yAt + 4L * r;
            for (int c = 0; c < cols; c++) {
                y.set(JAVA_FLOAT_UNALIGNED, to + c * yStride, x.get(JAVA_FLOAT_UNALIGNED, from + 4L * c));
            }
        }
    }
}
