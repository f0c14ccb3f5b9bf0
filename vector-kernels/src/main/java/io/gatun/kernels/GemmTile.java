package io.gatun.kernels;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * {@code C = A · B} or {@code C += A · B} for a block of rows, with B packed in {@link Panels}: the loops around the kernels of
 * {@link GemmKernels}. Every element of C is summed over k in increasing order, one fused multiply-add a step, from zero and
 * in blocks of {@link #DEPTH} whose sums are added in order: the bits depend on neither the other rows and columns nor the
 * width of the vectors. All numbers are f32 in native segments; offsets and strides count elements. C overlaps nothing.
 */
public final class GemmTile {
    /** Columns of a panel of B: two vectors. */
    public static final int COLUMNS = 2 * FloatVector.SPECIES_PREFERRED.length();

    /** Rows that one kernel call computes: six by two vectors fill the twelve accumulators that 16 registers leave room for. */
    public static final int ROWS = 6;

    /** Longest stretch of k that is summed in registers: a panel of it and six rows of A stay in the caches. */
    public static final int DEPTH = 512;

    private GemmTile() {}

    /**
     * {@code C (=|+=) A · B}: {@code c} [rows, cols] from element {@code c0}, {@code a} [rows, k] from {@code a0}, both
     * row-major with their strides, {@code panels} from {@code p0} as {@link Panels} packs B [k, cols].
     *
     * @param rows at most some hundred: A should fit the second cache, since each panel walks all of it
     */
    public static void run(
            MemorySegment c,
            long c0,
            long cStride,
            MemorySegment a,
            long a0,
            long aStride,
            MemorySegment panels,
            long p0,
            int rows,
            int cols,
            int k,
            boolean add) {
        int from = 0;
        do {
            int depth = Math.min(DEPTH, k - from);
            boolean sum = add || from > 0;
            int col = 0;
            if (rows == 1) {
                for (; col <= cols - 4 * COLUMNS; col += 4 * COLUMNS) {
                    long p = Float.BYTES * (p0 + (long) col * k + (long) from * COLUMNS);
                    long panel = (long) Float.BYTES * COLUMNS * k;
                    GemmKernels.row(
                            c, Float.BYTES * (c0 + col), a, Float.BYTES * (a0 + from), panels, p, panel, depth, sum);
                }
            }
            for (; col < cols; col += COLUMNS) {
                long p = Float.BYTES * (p0 + (long) col * k + (long) from * COLUMNS);
                int width = Math.min(COLUMNS, cols - col);
                int step = width == COLUMNS ? ROWS : 2;
                for (int row = 0; row < rows; row += step) {
                    long cAt = Float.BYTES * (c0 + row * cStride + col);
                    long aAt = Float.BYTES * (a0 + row * aStride + from);
                    int height = Math.min(step, rows - row);
                    if (height > 2) {
                        GemmKernels.rows(
                                c,
                                cAt,
                                Float.BYTES * cStride,
                                a,
                                aAt,
                                Float.BYTES * aStride,
                                panels,
                                p,
                                depth,
                                height,
                                sum,
                                -1,
                                -2);
                    } else {
                        GemmKernels.ragged(
                                c,
                                cAt,
                                Float.BYTES * cStride,
                                a,
                                aAt,
                                Float.BYTES * aStride,
                                Float.BYTES,
                                panels,
                                p,
                                depth,
                                height,
                                width,
                                sum);
                    }
                }
            }
            from += DEPTH;
        } while (from < k);
    }

    /**
     * {@code C (=|+=) Aᵀ · B} for an A [k, rows] that {@link Panels#packRows} packed into {@code aPanels} from element
     * {@code a0}: weight gradients, where the rows of both operands are summed over.
     */
    public static void runTransposed(
            MemorySegment c,
            long c0,
            long cStride,
            MemorySegment aPanels,
            long a0,
            MemorySegment panels,
            long p0,
            int rows,
            int cols,
            int k,
            boolean add) {
        int from = 0;
        do {
            int depth = Math.min(DEPTH, k - from);
            boolean sum = add || from > 0;
            for (int col = 0; col < cols; col += COLUMNS) {
                long p = Float.BYTES * (p0 + (long) col * k + (long) from * COLUMNS);
                int width = Math.min(COLUMNS, cols - col);
                int step = width == COLUMNS ? ROWS : 2;
                for (int row = 0; row < rows; row += step) {
                    long cAt = Float.BYTES * (c0 + row * cStride + col);
                    long aAt = Float.BYTES * (a0 + ((long) (row / ROWS) * k + from) * Panels.ROW_STEP + row % ROWS);
                    int height = Math.min(step, rows - row);
                    if (width == COLUMNS) {
                        GemmKernels.packedRows(
                                c, cAt, Float.BYTES * cStride, aPanels, aAt, panels, p, depth, height, sum, -1, -2);
                    } else {
                        GemmKernels.ragged(
                                c,
                                cAt,
                                Float.BYTES * cStride,
                                aPanels,
                                aAt,
                                Float.BYTES,
                                Float.BYTES * Panels.ROW_STEP,
                                panels,
                                p,
                                depth,
                                height,
                                width,
                                sum);
                    }
                }
            }
            from += DEPTH;
        } while (from < k);
    }
}
