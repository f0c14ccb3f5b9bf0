package io.gatun.kernels;

import io.gatun.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The loops in the Vector API, on every platform: what {@link DotKernels} compute, over strips and blocks. */
final class VectorDotLoops implements DotLoops {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int STREAMS = DotKernels.STREAMS;

    @Override
    public int rowsAtOnce() {
        return 2 * DotKernels.TOKENS;
    }

    @Override
    public void rows(
            DType stored,
            MemorySegment cells,
            long cell,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            long wStride,
            int k,
            int rows) {
        int apart = rows / STREAMS;
        for (int r = 0; r < apart; r++) {
            streams(stored, cells, cell, r, apart, x, xAt, w, wAt, wStride, k, STREAMS);
        }
        int even = apart * STREAMS;
        if (even < rows) streams(stored, cells, cell, even, 1, x, xAt, w, wAt, wStride, k, rows - even);
    }

    /** One to four rows, {@code apart} rows from each other, from row {@code first}. */
    private static void streams(
            DType stored,
            MemorySegment cells,
            long cell,
            int first,
            int apart,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            long wStride,
            int k,
            int count) {
        long to = cell + (long) first * DotKernels.CELL, step = (long) apart * DotKernels.CELL;
        long at = wAt + first * wStride, stride = apart * wStride;
        switch (stored) {
            case F32 -> DotKernels.f32Row(cells, to, step, x, xAt, w, at, stride, k, count);
            case BF16 -> DotKernels.bf16Row(cells, to, step, x, xAt, w, at, stride, k, count);
            default -> DotKernels.fp8Row(cells, to, step, x, xAt, w, at, stride, k, count);
        }
    }

    @Override
    public void scaledRows(
            MemorySegment cells,
            long cell,
            MemorySegment x,
            long xAt,
            MemorySegment xScales,
            long xScale,
            MemorySegment w,
            long wAt,
            long wStride,
            MemorySegment wScales,
            long wScale,
            int k,
            int rows) {
        int apart = rows / STREAMS, even = apart * STREAMS;
        long cellStep = (long) apart * DotKernels.CELL;
        for (int r = 0; r < apart; r++) {
            long to = cell + (long) r * DotKernels.CELL, at = wAt + r * wStride;
            DotKernels.fp8ScaledRow(
                    cells, to, cellStep, x, xAt, xScales, xScale, w, at, apart * wStride, wScales, wScale, k, STREAMS);
        }
        if (even == rows) return;
        long to = cell + (long) even * DotKernels.CELL, at = wAt + even * wStride;
        DotKernels.fp8ScaledRow(
                cells, to, DotKernels.CELL, x, xAt, xScales, xScale, w, at, wStride, wScales, wScale, k, rows - even);
    }

    @Override
    public void addRows(
            DType stored,
            MemorySegment y,
            long yAt,
            long yStride,
            MemorySegment p,
            long pAt,
            long pStride,
            MemorySegment w,
            long wAt,
            long wStride,
            int count,
            int rows,
            int dim) {
        for (int r = 0; r < rows; r++) {
            long at = wAt + r * wStride;
            for (int i = 0; i < count; i++) {
                float factor = p.get(FLOAT, pAt + i * pStride + 4L * r);
                long to = yAt + i * yStride;
                switch (stored) {
                    case F32 -> WeightedRows.addF32(y, to, factor, w, at, dim);
                    case BF16 -> WeightedRows.addBf16(y, to, factor, w, at, dim);
                    default -> WeightedRows.addFp8(y, to, factor, w, at, dim);
                }
            }
        }
    }

    @Override
    public boolean blocksOf(DType stored) {
        return stored == DType.F32;
    }

    @Override
    public void block(
            DType stored,
            MemorySegment cells,
            long cell,
            long cellStride,
            MemorySegment x,
            long xAt,
            long xStride,
            MemorySegment w,
            long wAt,
            long wStride,
            int depth,
            int rows,
            int outputs,
            MemorySegment scales,
            long scale) {
        for (int c = 0; c < outputs; c += DotKernels.OUTPUTS) {
            for (int r = 0; r < rows; r += DotKernels.TOKENS) {
                DotKernels.tile(
                        cells,
                        cell + r * cellStride + (long) c * DotKernels.CELL,
                        cellStride,
                        x,
                        xAt + r * xStride,
                        xStride,
                        w,
                        wAt + c * wStride,
                        wStride,
                        depth,
                        Math.min(DotKernels.TOKENS, rows - r),
                        Math.min(DotKernels.OUTPUTS, outputs - c),
                        scales.get(FLOAT, scale + 4L * r),
                        scales.get(FLOAT, scale + 4L * Math.min(r + 1, rows - 1)),
                        scales.get(FLOAT, scale + 4L * Math.min(r + 2, rows - 1)),
                        -1,
                        -2);
            }
        }
    }

    @Override
    public String describe() {
        return "the Vector API too";
    }
}
