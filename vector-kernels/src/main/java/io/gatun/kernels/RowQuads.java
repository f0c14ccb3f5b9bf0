package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A block of rows as f32, four by four with their vectors in turn: the first vector of rows 0 to 3, the second of rows 0 to 3, and so
 * on. Kernels that take four rows at a time then walk one stream with one address, which C2 checks once, and not four of any distance.
 * Rows are padded with zeros to whole vectors. Places count bytes.
 *
 * <p>Loops that store take a slice of what they write. Until they are compiled, {@code reinterpretAs…} of the Vector API stores through
 * arrays, so that C2 expects those in every vector store and checks each one; of a slice it knows that it is native. Packing runs at
 * three times the speed so.
 */
final class RowQuads {
    /** Rows whose vectors take turns. */
    static final int ROWS = 4;

    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final long VECTOR = LANES.vectorByteSize();

    private RowQuads() {}

    /** {@code dim} in whole vectors. */
    static int padded(int dim) {
        return (dim + LANES.length() - 1) / LANES.length() * LANES.length();
    }

    /** The size of {@code rows} rows in bytes. */
    static long bytes(int rows, int dim) {
        return at((rows + ROWS - 1) / ROWS * ROWS, dim);
    }

    /** Where the first vector of a row lies. */
    static long at(int row, int dim) {
        return VECTOR * (row % ROWS) + Float.BYTES * (long) (row / ROWS * ROWS) * padded(dim);
    }

    /**
     * Writes rows {@code row} to {@code row + 3} of a block from {@code dim} f32 numbers each. One row is read after another: four
     * neighbours at once would be as many streams that each end soon, which memory serves at half its rate.
     *
     * @param last the last of the four that {@code x} has; later ones are written as that one
     */
    static void pack(MemorySegment quads, int row, MemorySegment x, long xAt, long xStep, int last, int dim) {
        int whole = LANES.loopBound(dim);
        for (int r = 0; r < ROWS; r++) {
            long from = xAt + xStep * Math.min(r, last), to = at(row + r, dim);
            rowF32(quads, to, x, from, whole);
            if (whole == dim) continue;
            long end = to + 4L * ROWS * whole;
            FloatVector.zero(LANES).intoMemorySegment(quads, end, LITTLE_ENDIAN);
            MemorySegment.copy(x, from + 4L * whole, quads, end, 4L * (dim - whole));
        }
    }

    private static void rowF32(MemorySegment quads, long to, MemorySegment x, long from, int dim) {
        MemorySegment y = quads.asSlice(to);
        for (int i = 0; i < dim; i += LANES.length()) {
            FloatVector.fromMemorySegment(LANES, x, from + 4L * i, LITTLE_ENDIAN)
                    .intoMemorySegment(y, 4L * ROWS * i, LITTLE_ENDIAN);
        }
    }

    /** The same from bf16 numbers. */
    static void packBf16(MemorySegment quads, int row, MemorySegment x, long xAt, long xStep, int last, int dim) {
        int whole = LANES.loopBound(dim);
        for (int r = 0; r < ROWS; r++) {
            long from = xAt + xStep * Math.min(r, last), to = at(row + r, dim);
            rowBf16(quads, to, x, from, whole);
            if (whole == dim) continue;
            long end = to + 4L * ROWS * whole;
            FloatVector.zero(LANES).intoMemorySegment(quads, end, LITTLE_ENDIAN);
            Bf16.decode(quads, end, x, from + 2L * whole, dim - whole);
        }
    }

    private static void rowBf16(MemorySegment quads, long to, MemorySegment x, long from, int dim) {
        MemorySegment y = quads.asSlice(to);
        for (int i = 0; i < dim; i += LANES.length()) {
            Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, x, from + 2L * i, LITTLE_ENDIAN))
                    .intoMemorySegment(y, 4L * ROWS * i, LITTLE_ENDIAN);
        }
    }
}
