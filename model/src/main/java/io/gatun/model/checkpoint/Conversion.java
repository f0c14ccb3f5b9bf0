package io.gatun.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.kernels.Fp8;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.MemorySegment;

/** Elements of one floating type written as another, in bulk. */
final class Conversion {
    private Conversion() {}

    /** Copies all elements; the shapes are equal, rows may be strided. */
    static void copy(Tensor from, Tensor to) {
        long cols = from.cols();
        if (from.isContiguous() && to.isContiguous()) {
            copy(from.data(), from.dtype(), 0, to.data(), to.dtype(), 0, from.count());
            return;
        }
        for (long r = 0, rows = from.rows(); r < rows; r++) {
            copy(from.data(), from.dtype(), r * from.rowStride(), to.data(), to.dtype(), r * to.rowStride(), cols);
        }
    }

    /** Copies {@code count} elements; positions are counted in elements. */
    static void copy(
            MemorySegment from, DType fromType, long fromAt, MemorySegment to, DType toType, long toAt, long count) {
        if (fromType == toType) {
            int bytes = fromType.bytes();
            MemorySegment.copy(from, fromAt * bytes, to, toAt * bytes, count * bytes);
        } else if (fromType == DType.BF16 && toType == DType.F32) {
            for (long i = 0; i < count; i++) {
                to.set(JAVA_FLOAT_UNALIGNED, (toAt + i) * 4, widen(from.get(JAVA_SHORT_UNALIGNED, (fromAt + i) * 2)));
            }
        } else if (fromType == DType.F32 && toType == DType.BF16) {
            for (long i = 0; i < count; i++) {
                to.set(JAVA_SHORT_UNALIGNED, (toAt + i) * 2, round(from.get(JAVA_FLOAT_UNALIGNED, (fromAt + i) * 4)));
            }
        } else if (fromType == DType.BF16 && toType == DType.F64) {
            for (long i = 0; i < count; i++) {
                to.set(JAVA_DOUBLE_UNALIGNED, (toAt + i) * 8, widen(from.get(JAVA_SHORT_UNALIGNED, (fromAt + i) * 2)));
            }
        } else if (fromType == DType.F32 && toType == DType.F64) {
            for (long i = 0; i < count; i++) {
                to.set(JAVA_DOUBLE_UNALIGNED, (toAt + i) * 8, from.get(JAVA_FLOAT_UNALIGNED, (fromAt + i) * 4));
            }
        } else if (fromType == DType.F64 && toType == DType.F32) {
            for (long i = 0; i < count; i++) {
                to.set(JAVA_FLOAT_UNALIGNED, (toAt + i) * 4, (float) from.get(JAVA_DOUBLE_UNALIGNED, (fromAt + i) * 8));
            }
        } else {
            throw new TensorException("elements of type " + fromType + " are not converted to " + toType);
        }
    }

    /**
     * Writes {@code code * scale}, an FP32 product, for every E4M3 code.
     *
     * @param codes f8_e4m3 [rows, cols]
     * @param scales f32 [ceil(rows / blockRows), ceil(cols / blockCols)]
     * @param to f32 or f64 [rows, cols]
     */
    static void dequantize(Tensor codes, Tensor scales, int blockRows, int blockCols, Tensor to) {
        int cols = codes.cols();
        for (int r = 0; r < codes.rows(); r++) {
            for (int block = 0, c = 0; c < cols; block++, c += blockCols) {
                float scale = (float) scales.get(r / blockRows, block);
                int count = Math.min(blockCols, cols - c);
                long from = r * codes.rowStride() + c;
                long at = r * to.rowStride() + c;
                if (to.dtype() == DType.F32) {
                    scaled(codes.data(), from, scale, to.data(), at, count);
                } else {
                    scaledWide(codes.data(), from, scale, to.data(), at, count);
                }
            }
        }
    }

    private static void scaled(MemorySegment codes, long from, float scale, MemorySegment to, long at, int count) {
        for (int i = 0; i < count; i++) {
            to.set(JAVA_FLOAT_UNALIGNED, (at + i) * 4, Fp8.decode(codes.get(JAVA_BYTE, from + i)) * scale);
        }
    }

    private static void scaledWide(MemorySegment codes, long from, float scale, MemorySegment to, long at, int count) {
        for (int i = 0; i < count; i++) {
            to.set(JAVA_DOUBLE_UNALIGNED, (at + i) * 8, Fp8.decode(codes.get(JAVA_BYTE, from + i)) * scale);
        }
    }

    /** The BF16 number nearest to {@code value}, of two equally near the even one; NaN stays NaN. */
    static short round(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (value != value) return (short) (bits >>> 16 | 0x40);
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }

    static float widen(short bf16) {
        return Float.intBitsToFloat(bf16 << 16);
    }
}
