package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.NE;

import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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
    private static final int COLUMNS = 128;
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

    /**
     * Quantises {@code from} into codes and scales: a scale for each block, {@code max(amax, 1e-4) / 448}, and codes nearest to the
     * quotients, as the released code does it. Serves weights (blocks of 128 x 128) and activations (1 x 128). Runs on the calling
     * thread; rows of blocks are independent of each other, so several threads can share a matrix by slices.
     *
     * @param to blocks of 128 columns; codes and scales are written
     * @param from f32 or bf16, of the same shape
     * @throws TensorException when shapes or types do not fit
     */
    public static void quantizeBlocks(BlockScaled to, Tensor from) {
        boolean bf16 = from.dtype() == DType.BF16;
        if (!bf16 && from.dtype() != DType.F32 || from.rows() != to.rows() || from.cols() != to.cols()) {
            throw new TensorException("%s is not quantised into %s; it takes f32 or bf16 numbers of that shape"
                    .formatted(from, to.codes()));
        }
        if (to.blockCols() != COLUMNS) {
            throw new TensorException("%s in blocks of %d columns; only blocks of %d are quantised"
                    .formatted(to.codes(), to.blockCols(), COLUMNS));
        }
        JitDirectives.ensure();
        int rows = to.rows(), cols = to.cols(), padded = LaneOrder.padded(cols, 4);
        float[] sizes = new float[to.scales().cols()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment row = arena.allocate(4L * padded, 64);
            MemorySegment plain = arena.allocate(4L * cols, 64); // a BF16 row as f32
            for (int first = 0; first < rows; first += to.blockRows()) {
                int end = Math.min(first + to.blockRows(), rows);
                Arrays.fill(sizes, 0);
                for (int r = first; r < end; r++) {
                    load(row, plain, from, r, bf16);
                    for (int b = 0; b < sizes.length; b++) {
                        int count = Math.min(COLUMNS, padded - COLUMNS * b);
                        sizes[b] = Math.max(sizes[b], amax(row, 4L * COLUMNS * b, count));
                    }
                }
                for (int b = 0; b < sizes.length; b++) to.scales().set(first / to.blockRows(), b, scale(sizes[b]));
                for (int r = first; r < end; r++) {
                    load(row, plain, from, r, bf16);
                    for (int b = 0; b < sizes.length; b++) {
                        int count = Math.min(COLUMNS, padded - COLUMNS * b);
                        quantize(row, 4L * COLUMNS * b, count, scale(sizes[b]), 1);
                    }
                    toCodes(row, padded);
                    pack(to.codes().data(), r * to.codes().rowStride(), row, cols);
                }
            }
        }
    }

    /** One row as f32 in {@link LaneOrder}. */
    private static void load(MemorySegment row, MemorySegment plain, Tensor from, int r, boolean bf16) {
        int cols = from.cols();
        long at = r * from.rowStride() * from.dtype().bytes();
        if (bf16) {
            Bf16.decode(plain, 0, from.data(), at, cols);
            LaneOrder.reorder(row, 0, plain, 0, cols, 4, 1);
        } else {
            LaneOrder.reorder(row, 0, from.data(), at, cols, 4, 1);
        }
    }

    /** Numbers that have a code become that code, one to an int. */
    static void toCodes(MemorySegment row, int count) {
        for (int i = 0; i < count; i += STEP) {
            var x = FloatVector.fromMemorySegment(LANES, row, 4L * i, LITTLE_ENDIAN);
            var sign = x.reinterpretAsInts().lanewise(LSHR, 24).and(0x80);
            var code = x.abs().mul(DOWN).reinterpretAsInts().lanewise(LSHR, 20).or(sign);
            code.blend(NAN, x.compare(NE, x).cast(INTS)).intoMemorySegment(row, 4L * i, LITTLE_ENDIAN);
        }
    }

    /** Codes in {@link LaneOrder}, one to an int, become bytes in their natural order. */
    static void pack(MemorySegment codes, long at, MemorySegment row, int count) {
        int i = 0;
        for (; i <= count - 4 * STEP; i += 4 * STEP) {
            long p = 4L * i;
            var a = IntVector.fromMemorySegment(INTS, row, p, LITTLE_ENDIAN);
            var b = IntVector.fromMemorySegment(INTS, row, p + 4L * STEP, LITTLE_ENDIAN)
                    .lanewise(LSHL, 8);
            var c = IntVector.fromMemorySegment(INTS, row, p + 8L * STEP, LITTLE_ENDIAN)
                    .lanewise(LSHL, 16);
            var d = IntVector.fromMemorySegment(INTS, row, p + 12L * STEP, LITTLE_ENDIAN)
                    .lanewise(LSHL, 24);
            a.or(b).or(c.or(d)).intoMemorySegment(codes, at + i, LITTLE_ENDIAN);
        }
        for (int done = i; i < count; i++) {
            int code = row.get(JAVA_INT_UNALIGNED, 4L * (done + LaneOrder.place(i - done, 4)));
            codes.set(JAVA_BYTE, at + i, (byte) code);
        }
    }
}
