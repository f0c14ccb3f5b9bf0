package io.gatun.kernels;

import io.gatun.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * The innermost loops of products with weights that lie where they are ({@link MatmulEngine#map}): dot products of rows of
 * activations with rows of a weight, both contiguous along k.
 *
 * <p>A dot product lives in a cell, one vector of sums of the preferred width, which is folded when k is at its end. Along k it is cut
 * into blocks: the products of a block are summed lane by lane from zero, one fused multiply-add a step, and {@code cell = block ·
 * scale + cell}, fused too. Activations, and weights that were expanded, come in the order in which a vector of 32-bit lanes holds
 * {@code group} neighbouring numbers of a weight, one of F32, two of BF16, four of FP8: number {@code group · lane + j} of a chunk is
 * lane {@code lane} of its vector j. All implementations keep to that order, so they give the same bits.
 *
 * <p>Offsets and strides count bytes. Callers have checked that all of it lies inside the segments, which are native.
 */
public interface DotLoops {
    /** Numbers along k that are summed from zero. */
    int BLOCK = 512;

    /** Numbers along k that a scale covers; where both operands are codes, those that are summed from zero. */
    int SCALED_BLOCK = 128;

    /** What the values of codes lack ({@code 2⁻¹²⁰} of them are summed): half of it is in the activations, half multiplies sums of blocks. */
    float FP8_FACTOR = 0x1p60f;

    /** Rows of activations that {@link #block} likes to be given at once: with what else it reads they fit the first cache. */
    int rowsAtOnce();

    /**
     * Writes the cells of one row of x and {@code rows} rows of a weight that lie {@code wStride} apart, over all of k, whole chunks.
     * The cells lie side by side. Scales of codes, and {@link #FP8_FACTOR}, are in x already.
     *
     * @param stored F32, BF16 or F8_E4M3
     */
    void rows(
            DType stored,
            MemorySegment cells,
            long cell,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            long wStride,
            int k,
            int rows);

    /**
     * As {@link #rows}, of E4M3 codes with codes; {@code k} is whole blocks of {@link #SCALED_BLOCK}. Block b has the scale {@code
     * xScales[b] · wScales[b]}; all rows share the weight's.
     */
    void scaledRows(
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
            int rows);

    /**
     * {@code Y += P W} for {@code count} rows of {@code y} [count, dim] and {@code p} [count, rows] and {@code rows} rows of a weight: an
     * element takes one fused multiply-add for each row, in the order of the rows. All is in its natural order. Of codes, {@code p} holds
     * the scales and {@link #FP8_FACTOR}, and {@code y} lacks the other one.
     *
     * @param stored F32, BF16 or F8_E4M3
     * @param dim whole vectors
     */
    void addRows(
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
            int dim);

    /** The loops in the Vector API, which run on every platform. */
    static DotLoops vector() {
        return new VectorDotLoops();
    }

    /** Whether {@link #block} takes weights as they are stored, and not F32 only: then nobody has to expand them. */
    boolean blocksOf(DType stored);

    /**
     * Adds one block of {@code rows} rows of x by {@code outputs} rows of w to their cells: those of one row of x lie side by
     * side, {@code cellStride} apart from the next row's.
     *
     * @param stored F32, or what {@link #blocksOf} allows; scales of codes are in x already
     * @param depth numbers of the block, whole chunks
     * @param scales an f32 for each row of x from byte {@code scale}: what the sums of the block are multiplied by
     */
    void block(
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
            long scale);

    /**
     * Folds the cells of {@code rows} rows, {@code count} each side by side, into numbers that are written or added. Cells are used up, and as
     * many behind those of a row as fill a vector with sums.
     */
    default void fold(
            MemorySegment y,
            long yAt,
            long yStride,
            MemorySegment cells,
            long cell,
            long cellStride,
            int rows,
            int count,
            boolean add) {
        for (int r = 0; r < rows; r++) {
            DotKernels.fold(y, yAt + r * yStride, cells, cell + r * cellStride, count, add);
        }
    }

    /** What computes, in a few words. */
    String describe();
}
