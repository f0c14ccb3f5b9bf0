package io.gatun.model.engine;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.machinecode.CpuFeature;
import io.gatun.ffm.machinecode.CpuFeatures;
import io.gatun.ffm.machinecode.ExecutableMemory;
import io.gatun.ffm.machinecode.MachineCode;
import io.gatun.kernels.DotLoops;
import io.gatun.tensor.DType;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import jdk.incubator.vector.FloatVector;

/**
 * The loops in machine code ({@link DotCode}), where the CPU and the system allow it: with the constants of E4M3 in registers and
 * shifts that C2 does not find, codes are read up to 1.6 times as fast, and tiles fill all registers without a spill. Memory is
 * handed over as segments, so that none is closed while a function runs.
 */
final class AssembledDotLoops implements DotLoops {
    private static final int BITS = FloatVector.SPECIES_PREFERRED.vectorBitSize();

    @Override
    public int rowsAtOnce() {
        return 6;
    }

    /** Why these loops cannot run here; an empty text where they can. */
    static String whyNot() {
        CpuFeatures cpu = CpuFeatures.host();
        if (BITS != 256 && BITS != 512) return "machine code is written for vectors of 256 or 512 bits, not " + BITS;
        String missing = BITS == 512
                ? cpu.whyNot(CpuFeature.AVX512F, CpuFeature.AVX512BW)
                : cpu.whyNot(CpuFeature.AVX2, CpuFeature.FMA);
        return missing.isEmpty() ? ExecutableMemory.whyNot() : missing;
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
        if (rows == 0) return;
        try {
            switch (stored) {
                case F32 -> Code.F32.invokeExact(cells, cell, x, xAt, w, wAt, wStride, (long) k, (long) rows);
                case BF16 -> Code.BF16.invokeExact(cells, cell, x, xAt, w, wAt, wStride, (long) k, (long) rows);
                default -> Code.FP8.invokeExact(cells, cell, x, xAt, w, wAt, wStride, (long) k, (long) rows);
            }
        } catch (Throwable failed) {
            throw unexpected(failed);
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
        if (rows == 0) return;
        try {
            Code.SCALED.invokeExact(
                    cells, cell, x, xAt, xScales, xScale, w, wAt, wStride, wScales, wScale, (long) k, (long) rows);
        } catch (Throwable failed) {
            throw unexpected(failed);
        }
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
        if (count == 0 || rows == 0 || dim == 0) return;
        long many = count, numbers = rows, width = dim;
        try {
            switch (stored) {
                case F32 ->
                    Code.F32_ADD.invokeExact(y, yAt, yStride, p, pAt, pStride, w, wAt, wStride, many, numbers, width);
                case BF16 ->
                    Code.BF16_ADD.invokeExact(y, yAt, yStride, p, pAt, pStride, w, wAt, wStride, many, numbers, width);
                default ->
                    Code.FP8_ADD.invokeExact(y, yAt, yStride, p, pAt, pStride, w, wAt, wStride, many, numbers, width);
            }
        } catch (Throwable failed) {
            throw unexpected(failed);
        }
    }

    @Override
    public boolean blocksOf(DType stored) {
        return stored != DType.F8_E4M3;
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
        if (rows == 0 || outputs == 0 || depth == 0) return;
        try {
            long numbers = depth, count = rows, width = outputs;
            switch (stored) {
                case F32 ->
                    Code.F32_BLOCK.invokeExact(
                            cells,
                            cell,
                            cellStride,
                            x,
                            xAt,
                            xStride,
                            w,
                            wAt,
                            wStride,
                            numbers,
                            count,
                            width,
                            scales,
                            scale);
                case BF16 ->
                    Code.BF16_BLOCK.invokeExact(
                            cells,
                            cell,
                            cellStride,
                            x,
                            xAt,
                            xStride,
                            w,
                            wAt,
                            wStride,
                            numbers,
                            count,
                            width,
                            scales,
                            scale);
                default ->
                    Code.FP8_BLOCK.invokeExact(
                            cells,
                            cell,
                            cellStride,
                            x,
                            xAt,
                            xStride,
                            w,
                            wAt,
                            wStride,
                            numbers,
                            count,
                            width,
                            scales,
                            scale);
            }
        } catch (Throwable failed) {
            throw unexpected(failed);
        }
    }

    @Override
    public void fold(
            MemorySegment y,
            long yAt,
            long yStride,
            MemorySegment cells,
            long cell,
            long cellStride,
            int rows,
            int count,
            boolean add) {
        int whole = count / FoldCode.AT_ONCE * FoldCode.AT_ONCE;
        if (whole < count) {
            long done = (long) Float.BYTES * whole, read = (long) BITS / 8 * whole;
            DotLoops.super.fold(y, yAt + done, yStride, cells, cell + read, cellStride, rows, count - whole, add);
        }
        if (whole == 0) return;
        try {
            Code.FOLD.invokeExact(y, yAt, yStride, cells, cell, cellStride, (long) rows, (long) whole, add ? 1L : 0L);
        } catch (Throwable failed) {
            throw unexpected(failed);
        }
    }

    /** The functions throw nothing; what the linker throws, of a closed arena for example, is unchecked. */
    private static RuntimeException unexpected(Throwable failed) {
        if (failed instanceof RuntimeException unchecked) return unchecked;
        if (failed instanceof Error error) throw error;
        return new IllegalStateException(failed);
    }

    @Override
    public String describe() {
        return "machine code assembled for " + (BITS == 512 ? "AVX-512" : "AVX2 and FMA");
    }

    /** Assembled when the first product runs. */
    private static final class Code {
        // Intel's cores of today leave a third of the memory's speed unused without it; AMD's are a little slower with
        // it (KERNELS.md 3b, 5)
        private static final boolean PREFETCH = CpuFeatures.host().has(CpuFeature.AMX_TILE);

        static final MethodHandle F32 = rows(DotCode.Stored.F32);
        static final MethodHandle BF16 = rows(DotCode.Stored.BF16);
        static final MethodHandle FP8 = rows(DotCode.Stored.FP8);
        static final MethodHandle SCALED = link(RowCode.of(DotCode.Stored.FP8_SCALED, BITS, PREFETCH), "ALALALALLALLL");
        static final MethodHandle F32_BLOCK = block(DotCode.Stored.F32);
        static final MethodHandle BF16_BLOCK = block(DotCode.Stored.BF16);
        static final MethodHandle FP8_BLOCK = block(DotCode.Stored.FP8);
        static final MethodHandle F32_ADD = add(DotCode.Stored.F32);
        static final MethodHandle BF16_ADD = add(DotCode.Stored.BF16);
        static final MethodHandle FP8_ADD = add(DotCode.Stored.FP8);
        static final MethodHandle FOLD = link(FoldCode.of(BITS), "ALLALLLLL");

        private static MethodHandle rows(DotCode.Stored stored) {
            return link(RowCode.of(stored, BITS, PREFETCH), "ALALALLLL");
        }

        private static MethodHandle block(DotCode.Stored stored) {
            return link(BlockCode.of(stored, BITS), "ALLALLALLLLLAL");
        }

        private static MethodHandle add(DotCode.Stored stored) {
            return link(AddRowsCode.of(stored, BITS), "ALLALLALLLLL");
        }

        /** @param arguments A for each segment, L for each integer */
        private static MethodHandle link(byte[] code, String arguments) {
            MemoryLayout[] types = arguments
                    .chars()
                    .mapToObj(c -> c == 'A' ? ADDRESS : JAVA_LONG)
                    .toArray(MemoryLayout[]::new);
            return MachineCode.link(code, FunctionDescriptor.ofVoid(types))
                    .orElseThrow(() -> new IllegalStateException(ExecutableMemory.whyNot()));
        }
    }
}
