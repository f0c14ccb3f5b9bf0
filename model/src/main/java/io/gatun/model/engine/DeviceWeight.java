package io.gatun.model.engine;

import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.DeviceMemory;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8;
import io.gatun.kernels.Fp8Rows;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * A weight on the GPU: F32 or BF16 values, or E4M3 codes and scales of 128 x 128, with zeros up to multiples of 16 rows and columns, which
 * is what tensor cores ask for. A trained FP8 weight has its transpose too; its codes are the same.
 */
final class DeviceWeight extends Weight {
    /** What rows, columns and tokens are padded to: 16 bytes of codes. */
    static final int PAD = 16;

    private final BlockScaled codes; // what the GPU has, in host memory; null unless products are in FP8
    private final long data;
    private final long scales;
    private final long transposed; // 0 unless trained in FP8
    private final long transposedScales;
    private final long bytes;

    /** A weight of values in f32 or bf16; {@code grad} may be null. */
    DeviceWeight(CudaDevice device, Arena arena, Tensor value, Tensor grad, Format format) {
        super(value, grad, format);
        codes = format == Format.FP8 ? emptyBlocks(arena, value) : null;
        long[] memory = allocate(device, arena, grad != null);
        data = memory[0];
        scales = memory[1];
        transposed = memory[2];
        transposedScales = memory[3];
        bytes = memory[4];
    }

    /** A weight of codes and scales. */
    DeviceWeight(CudaDevice device, Arena arena, BlockScaled value, Format format) {
        super(value, format);
        codes = format == Format.FP8 ? value : null;
        long[] memory = allocate(device, arena, false);
        data = memory[0];
        scales = memory[1];
        transposed = 0;
        transposedScales = 0;
        bytes = memory[4];
    }

    private static BlockScaled emptyBlocks(Arena arena, Tensor value) {
        int block = Fp8Rows.BLOCK;
        Tensor scales =
                Tensor.zeros(arena, DType.F32, Math.ceilDiv(value.rows(), block), Math.ceilDiv(value.cols(), block));
        return new BlockScaled(Tensor.zeros(arena, DType.F8_E4M3, value.rows(), value.cols()), scales, block, block);
    }

    /** Addresses of values, scales, and of the transpose's, and the sum of their bytes. */
    private long[] allocate(CudaDevice device, Arena arena, boolean trained) {
        boolean fp8 = format() == Format.FP8;
        long values = rows() * rowBytes();
        long scaleBytes = fp8 ? scaleBytes(n(), k()) : 0;
        long transposedBytes = fp8 && trained ? scaleBytes(k(), n()) : 0;
        long[] memory = new long[5];
        memory[0] = DeviceMemory.allocate(device, arena, values).address();
        if (fp8) memory[1] = DeviceMemory.allocate(device, arena, scaleBytes).address();
        if (fp8 && trained) {
            memory[2] = DeviceMemory.allocate(device, arena, values).address();
            memory[3] = DeviceMemory.allocate(device, arena, transposedBytes).address();
            transposedBytes += values;
        }
        memory[4] = values + scaleBytes + transposedBytes;
        return memory;
    }

    /** Bytes of a row of scales of {@code count} numbers: whole groups of four. */
    static long scaleRowBytes(int count) {
        return 4L * Float.BYTES * Math.ceilDiv(Math.ceilDiv(count, Fp8Rows.BLOCK), 4);
    }

    private static long scaleBytes(int rows, int cols) {
        return Math.ceilDiv(rows, Fp8Rows.BLOCK) * scaleRowBytes(cols);
    }

    static int padded(int count) {
        return Math.ceilDiv(count, PAD) * PAD;
    }

    /** Output features with their padding. */
    int rows() {
        return padded(n());
    }

    /** Input features with their padding. */
    int cols() {
        return padded(k());
    }

    /** Bytes of a row of values or codes, with its padding. */
    long rowBytes() {
        return (long) cols() * bytes(format());
    }

    /** Bytes of an operand of products in that format. */
    static int bytes(Format format) {
        return switch (format) {
            case F32 -> Float.BYTES;
            case BF16 -> Short.BYTES;
            case FP8 -> Byte.BYTES;
        };
    }

    /** The address of the values, f32, bf16 or E4M3 [rows, cols]. */
    long data() {
        return data;
    }

    /** The address of the scales, f32 [⌈n / 128⌉][{@link #scaleRowBytes} of k]; 0 unless FP8. */
    long scales() {
        return scales;
    }

    /** The address of the transposed codes [cols, rows]; 0 unless trained in FP8. */
    long transposed() {
        return transposed;
    }

    long transposedScales() {
        return transposedScales;
    }

    /** Brings the values to the GPU, also when they were there and have changed. */
    void upload(RowTransfer transfer) {
        if (format() != Format.FP8) {
            transfer.upload(data, rows(), rowBytes(), values());
            return;
        }
        if (blocks() == null) Fp8.quantizeBlocks(codes, value());
        Tensor blockScales = codes.scales();
        transfer.upload(data, rows(), cols(), new WeightRows.Plain(codes.codes()));
        transfer.upload(scales, blockScales.rows(), scaleRowBytes(k()), new WeightRows.Plain(blockScales));
        if (transposed == 0) return;
        transfer.upload(transposed, cols(), rows(), new WeightRows.TransposedCodes(codes.codes()));
        transfer.upload(
                transposedScales, blockScales.cols(), scaleRowBytes(n()), new WeightRows.TransposedScales(blockScales));
    }

    /** The values in the format of products. */
    private WeightRows values() {
        boolean exact = format() == Format.F32;
        if (blocks() != null) return exact ? new WeightRows.Widened(blocks()) : new WeightRows.Decoded(blocks());
        if (value().dtype() == DType.F32)
            return exact ? new WeightRows.Plain(value()) : new WeightRows.Rounded(value());
        return exact ? new WeightRows.Exact(value()) : new WeightRows.Plain(value());
    }

    @Override
    public long preparedBytes() {
        return bytes;
    }
}
