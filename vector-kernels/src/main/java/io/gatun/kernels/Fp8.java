package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.MAX;

import io.gatun.tensor.BlockScaled;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * E4M3, the 8-bit float of FP8 checkpoints (SPEC 5.2): sign, 4 exponent bits (bias 7), 3 mantissa bits; no infinity, NaN is all
 * ones, the largest number 448, the smallest 2⁻⁹.
 */
public final class Fp8 {
    /** The largest value of a code. */
    public static final float LARGEST = 448;

    private static final float SMALLEST_AMAX = 1e-4f;
    private static final byte NAN = 0x7F;
    private static final float DOWN = 0x1p-120f; // moves the exponents of E4M3 to where f32 has the same bits
    private static final int EXPONENT = 0x7f800000;
    private static final int SMALLEST_EXPONENT = Float.floatToRawIntBits(0x1p-6f); // below it the spacing stays
    private static final int TO_SPACING = (20 << 23) + 0x400000; // 2ᵉ becomes 1.5 · 2ᵉ⁺²⁰, whose last bit is 2ᵉ⁻³
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();
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

    /** The code nearest to {@code x}, ties to even; what is larger than 448 becomes 448, and NaN stays NaN. */
    public static byte encode(float x) {
        if (Float.isNaN(x)) return NAN;
        int sign = Float.floatToRawIntBits(x) >>> 24 & 0x80;
        float size = Math.min(Math.abs(x), LARGEST);
        float even = Float.intBitsToFloat(
                Math.max(Float.floatToRawIntBits(size) & EXPONENT, SMALLEST_EXPONENT) + TO_SPACING);
        return (byte) (sign | Float.floatToRawIntBits((size + even - even) * DOWN) >>> 20);
    }

    /** The nearest values that have a code, as {@link #encode} rounds them; NaN stays NaN. */
    static FloatVector round(FloatVector x) {
        var sign = x.reinterpretAsInts().and(0x80000000);
        var size = x.abs();
        size = size.blend(LARGEST, size.compare(GT, LARGEST));
        var even = size.reinterpretAsInts()
                .and(EXPONENT)
                .max(SMALLEST_EXPONENT)
                .add(TO_SPACING)
                .reinterpretAsFloats();
        return size.add(even).sub(even).reinterpretAsInts().or(sign).reinterpretAsFloats();
    }

    /**
     * The scale of numbers whose largest size is {@code amax}: with it they fill the range of E4M3. As the released code has it, no
     * less than that of 1e-4.
     */
    static float scale(float amax) {
        return Math.max(amax, SMALLEST_AMAX) / LARGEST;
    }

    /** The largest size of {@code count} f32 numbers, whole vectors of them. */
    static float amax(MemorySegment x, long at, int count) {
        var largest = IntVector.zero(INTS); // bits order sizes as numbers do, and the maximum of whole numbers is cheap
        for (int i = 0; i < count; i += STEP) {
            var size = IntVector.fromMemorySegment(INTS, x, at + 4L * i, LITTLE_ENDIAN)
                    .and(0x7fffffff);
            largest = size.max(largest);
        }
        return Float.intBitsToFloat(largest.reduceLanes(MAX));
    }

    /** Each of {@code count} numbers, whole vectors, divided by {@code scale}, becomes the nearest one with a code, times {@code factor}. */
    static void quantize(MemorySegment x, long at, int count, float scale, float factor) {
        for (int i = 0; i < count; i += STEP) {
            var value = FloatVector.fromMemorySegment(LANES, x, at + 4L * i, LITTLE_ENDIAN);
            round(value.div(scale)).mul(factor).intoMemorySegment(x, at + 4L * i, LITTLE_ENDIAN);
        }
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
