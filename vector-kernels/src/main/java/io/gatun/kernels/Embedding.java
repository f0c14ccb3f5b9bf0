package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Rows of a table by id, and their gradient. Ids are i32 [sequences, length] with {@code idStride} elements between sequences,
 * counted in reading order, and lie in the table: the caller has checked them. Strides count elements.
 */
public final class Embedding {
    private Embedding() {}

    /** The id of {@code row}. */
    public static int id(MemorySegment ids, int length, long idStride, int row) {
        return ids.get(JAVA_INT_UNALIGNED, (row / length * idStride + row % length) * 4);
    }

    /** {@code y[r] = table[ids[r]]} for the rows {@code from} (included) to {@code to} (excluded), all f32. */
    public static void forward(
            MemorySegment y,
            long yStride,
            MemorySegment table,
            long tableStride,
            MemorySegment ids,
            int length,
            long idStride,
            int from,
            int to,
            int dim) {
        for (int r = from; r < to; r++) {
            long row = id(ids, length, idStride, r) * tableStride * 4;
            MemorySegment.copy(table, row, y, r * yStride * 4, dim * 4L);
        }
    }

    /** {@link #forward} from a table of BF16. */
    public static void forwardBf16(
            MemorySegment y,
            long yStride,
            MemorySegment table,
            long tableStride,
            MemorySegment ids,
            int length,
            long idStride,
            int from,
            int to,
            int dim) {
        for (int r = from; r < to; r++) {
            long row = id(ids, length, idStride, r) * tableStride * 2;
            Bf16.decode(y, r * yStride * 4, table, row, dim);
        }
    }

    /**
     * {@code dTable[ids[r]] += dy[r]} for all rows in their order, but only in {@code dim} columns from {@code column} on: column
     * ranges can run at the same time, row ranges cannot.
     */
    public static void grad(
            MemorySegment dTable,
            long tableStride,
            MemorySegment dy,
            long dyStride,
            MemorySegment ids,
            int length,
            long idStride,
            int rows,
            int column,
            int dim) {
        for (int r = 0; r < rows; r++) {
            long row = (id(ids, length, idStride, r) * tableStride + column) * 4;
            Rows.add(dTable, row, dy, (r * dyStride + column) * 4, dim);
        }
    }
}
