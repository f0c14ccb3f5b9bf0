package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * One row of numbers and some rows of a weight [n, k] where it lies, F32, BF16 or block-scaled FP8 with blocks of 128 columns, from
 * the left and from the right: what absorbed attention asks of {@code kv_b_proj} for each head. Places count bytes.
 */
final class StoredRows {
    private static final int STEP = FloatVector.SPECIES_PREFERRED.length();
    private static final int STRIP = 32; // rows that are expanded at a time where they cannot be read as they are
    private static final float FP8_VALUE = 0x1p-120f; // what the value of a code is multiplied by in DotLoops

    private StoredRows() {}

    /** The memory that both products need for {@code rows} rows of {@code k}, and {@code count} rows at a time. */
    static long bytes(int count, int rows, int k) {
        long dots = (long) Float.BYTES * (STRIP + 2) * LaneOrder.padded(k, 4) + (long) (rows + STEP) * DotKernels.CELL;
        return Math.max(dots, count * (scaledBytes(rows) + (long) Float.BYTES * LaneOrder.padded(k, 1)));
    }

    /** The size of a row of p that is multiplied by scales. */
    private static long scaledBytes(int rows) {
        return (long) Float.BYTES * LaneOrder.padded(rows, 1);
    }

    /** {@code Y += P W} for {@code rows} rows of W from {@code from}: {@code y} [count, k], {@code p} [count, rows]. */
    static void add(
            DotLoops loops,
            MemorySegment y,
            long yAt,
            long yStride,
            MemorySegment p,
            long pAt,
            long pStride,
            int count,
            Weight weight,
            int from,
            int rows,
            MemorySegment memory) {
        Tensor value = weight.value();
        int k = weight.k();
        BlockScaled blocks = weight.blocks();
        if (blocks == null) {
            add(loops, y, yAt, yStride, p, pAt, pStride, count, value, from, rows, 0, k);
            return;
        }
        long numbers = scaledBytes(rows), sums = count * numbers, step = (long) Float.BYTES * LaneOrder.padded(k, 1);
        for (int row = from; row < from + rows; ) { // rows that share their scales
            int end = Math.min(from + rows, (row / blocks.blockRows() + 1) * blocks.blockRows());
            DotKernels.clear(memory, sums, (int) (count * step / DotKernels.CELL));
            for (int i = 0; i < count; i++) {
                long at = pAt + i * pStride + 4L * (row - from);
                LaneOrder.reorder(memory, i * numbers, p, at, end - row, 1, DotLoops.FP8_FACTOR);
            }
            add(loops, memory, sums, step, memory, 0, numbers, count, value, row, end - row, 0, k);
            for (int col = 0; col < k; col += blocks.blockCols()) {
                float factor = scale(blocks, row, col) * DotLoops.FP8_FACTOR;
                int width = Math.min(blocks.blockCols(), k - col);
                for (int i = 0; i < count; i++) {
                    long to = yAt + i * yStride + 4L * col, at = sums + i * step + 4L * col;
                    addScaled(y, to, factor, memory, at, width);
                }
            }
            row = end;
        }
    }

    private static void addScaled(MemorySegment y, long yAt, float factor, MemorySegment x, long xAt, int count) {
        int whole = count / STEP * STEP;
        WeightedRows.addF32(y, yAt, factor, x, xAt, whole);
        for (int i = whole; i < count; i++) {
            float sum = y.get(JAVA_FLOAT_UNALIGNED, yAt + 4L * i);
            float number = x.get(JAVA_FLOAT_UNALIGNED, xAt + 4L * i);
            y.set(JAVA_FLOAT_UNALIGNED, yAt + 4L * i, Math.fma(factor, number, sum));
        }
    }

    private static void add(
            DotLoops loops,
            MemorySegment y,
            long yAt,
            long yStride,
            MemorySegment p,
            long pAt,
            long pStride,
            int count,
            Tensor w,
            int from,
            int rows,
            int col,
            int width) {
        int unit = w.dtype() == DType.F8_E4M3 ? Math.max(8, STEP) : STEP, whole = width / unit * unit;
        long stride = w.rowStride() * w.dtype().bytes(),
                at = from * stride + (long) col * w.dtype().bytes();
        if (whole > 0) {
            long to = yAt + 4L * col;
            loops.addRows(w.dtype(), y, to, yStride, p, pAt, pStride, w.data(), at, stride, count, rows, whole);
        }
        for (int c = 0; c < count; c++) {
            for (int i = whole; i < width; i++) {
                long to = yAt + c * yStride + 4L * (col + i);
                float sum = y.get(JAVA_FLOAT_UNALIGNED, to);
                for (int r = 0; r < rows; r++) {
                    float number =
                            number(w, at + r * stride + (long) i * w.dtype().bytes());
                    sum = Math.fma(p.get(JAVA_FLOAT_UNALIGNED, pAt + c * pStride + 4L * r), number, sum);
                }
                y.set(JAVA_FLOAT_UNALIGNED, to, sum);
            }
        }
    }

    private static float number(Tensor w, long at) {
        return switch (w.dtype()) {
            case F32 -> w.data().get(JAVA_FLOAT_UNALIGNED, at);
            case BF16 -> Float.intBitsToFloat(w.data().get(JAVA_SHORT_UNALIGNED, at) << 16);
            default -> Fp8.decode(w.data().get(JAVA_BYTE, at)) * FP8_VALUE;
        };
    }

    /** {@code y = W x} for {@code rows} rows of W from {@code from}: {@code y} [rows], {@code x} [k]. */
    static void dots(
            DotLoops loops,
            MemorySegment y,
            long yAt,
            MemorySegment x,
            long xAt,
            Weight weight,
            int from,
            int rows,
            MemorySegment memory) {
        Tensor value = weight.value();
        BlockScaled blocks = weight.blocks();
        int k = weight.k(), group = group(value.dtype()), padded = LaneOrder.padded(k, group);
        long scaled = (long) Float.BYTES * LaneOrder.padded(k, 4), strip = 2 * scaled, cells = (STRIP + 2) * scaled;
        LaneOrder.reorder(memory, 0, x, xAt, k, group, blocks == null ? 1 : DotLoops.FP8_FACTOR);
        long stride = value.rowStride() * value.dtype().bytes();
        for (int row = from; row < from + rows; ) {
            int end = Math.min(from + rows, row + STRIP);
            long at = 0;
            if (blocks != null) { // rows that share their scales
                end = Math.min(from + rows, (row / blocks.blockRows() + 1) * blocks.blockRows());
                at = scaled;
                long scales = 4L * (row / blocks.blockRows()) * blocks.scales().rowStride();
                DotKernels.scale(memory, at, memory, 0, padded, blocks.scales().data(), scales);
            }
            long cell = cells + (long) DotKernels.CELL * (row - from);
            if (padded == k) {
                if (blocks == null) end = from + rows;
                loops.rows(value.dtype(), memory, cell, memory, at, value.data(), row * stride, stride, k, end - row);
            } else {
                end = Math.min(end, row + STRIP);
                for (int r = row; r < end; r++) {
                    expand(memory, strip + (long) Float.BYTES * padded * (r - row), value, r * stride, k);
                }
                loops.rows(DType.F32, memory, cell, memory, at, memory, strip, 4L * padded, padded, end - row);
            }
            row = end;
        }
        loops.fold(y, yAt, 0, memory, cells, 0, 1, rows, false);
        if (padded > k && blocks != null) OnlineSoftmax.multiply(y, yAt, rows, DotLoops.FP8_FACTOR);
    }

    private static int group(DType stored) {
        return switch (stored) {
            case F32 -> 1;
            case BF16 -> 2;
            default -> 4;
        };
    }

    private static void expand(MemorySegment to, long at, Tensor w, long rowAt, int k) {
        switch (w.dtype()) {
            case F32 -> LaneOrder.reorder(to, at, w.data(), rowAt, k, 1, 1);
            case BF16 -> LaneOrder.bf16(to, at, w.data(), rowAt, k);
            default -> LaneOrder.fp8(to, at, w.data(), rowAt, k);
        }
    }

    private static float scale(BlockScaled w, int row, int col) {
        long at = 4L * ((long) (row / w.blockRows()) * w.scales().rowStride() + col / w.blockCols());
        return w.scales().data().get(JAVA_FLOAT_UNALIGNED, at);
    }
}
