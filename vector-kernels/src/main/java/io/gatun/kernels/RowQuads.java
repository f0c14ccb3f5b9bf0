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
     * Writes rows {@code row} to {@code row + 3} of a block from {@code dim} f32 numbers each.
     *
     * @param last the last of the four that {@code x} has; later ones are written as that one
     */
    static void pack(MemorySegment quads, int row, MemorySegment x, long xAt, long xStep, int last, int dim) {
        long to = at(row, dim);
        int whole = LANES.loopBound(dim);
        four(quads, to, x, xAt, xStep * Math.min(1, last), xStep * Math.min(2, last), xStep * Math.min(3, last), whole);
        if (whole == dim) return;
        for (int r = 0; r < ROWS; r++) {
            long end = to + VECTOR * r + 4L * ROWS * whole;
            FloatVector.zero(LANES).intoMemorySegment(quads, end, LITTLE_ENDIAN);
            MemorySegment.copy(x, xAt + xStep * Math.min(r, last) + 4L * whole, quads, end, 4L * (dim - whole));
        }
    }

    private static void four(
            MemorySegment quads, long to, MemorySegment x, long x0, long step1, long step2, long step3, int dim) {
        long x1 = x0 + step1, x2 = x0 + step2, x3 = x0 + step3;
        MemorySegment y = quads.asSlice(to, 16L * dim);
        for (int i = 0; i < dim; i += LANES.length()) {
            long p = 16L * i;
            var v0 = FloatVector.fromMemorySegment(LANES, x, x0 + 4L * i, LITTLE_ENDIAN);
            var v1 = FloatVector.fromMemorySegment(LANES, x, x1 + 4L * i, LITTLE_ENDIAN);
            var v2 = FloatVector.fromMemorySegment(LANES, x, x2 + 4L * i, LITTLE_ENDIAN);
            var v3 = FloatVector.fromMemorySegment(LANES, x, x3 + 4L * i, LITTLE_ENDIAN);
            v0.intoMemorySegment(y, p, LITTLE_ENDIAN);
            v1.intoMemorySegment(y, p + VECTOR, LITTLE_ENDIAN);
            v2.intoMemorySegment(y, p + 2 * VECTOR, LITTLE_ENDIAN);
            v3.intoMemorySegment(y, p + 3 * VECTOR, LITTLE_ENDIAN);
        }
    }

    /** The same from bf16 numbers. */
    static void packBf16(MemorySegment quads, int row, MemorySegment x, long xAt, long xStep, int last, int dim) {
        long to = at(row, dim);
        int whole = LANES.loopBound(dim);
        fourBf16(
                quads,
                to,
                x,
                xAt,
                xStep * Math.min(1, last),
                xStep * Math.min(2, last),
                xStep * Math.min(3, last),
                whole);
        if (whole == dim) return;
        for (int r = 0; r < ROWS; r++) {
            long end = to + VECTOR * r + 4L * ROWS * whole;
            FloatVector.zero(LANES).intoMemorySegment(quads, end, LITTLE_ENDIAN);
            Bf16.decode(quads, end, x, xAt + xStep * Math.min(r, last) + 2L * whole, dim - whole);
        }
    }

    private static void fourBf16(
            MemorySegment quads, long to, MemorySegment x, long x0, long step1, long step2, long step3, int dim) {
        long x1 = x0 + step1, x2 = x0 + step2, x3 = x0 + step3;
        MemorySegment y = quads.asSlice(to, 16L * dim);
        for (int i = 0; i < dim; i += LANES.length()) {
            long p = 16L * i;
            var v0 = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, x, x0 + 2L * i, LITTLE_ENDIAN));
            var v1 = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, x, x1 + 2L * i, LITTLE_ENDIAN));
            var v2 = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, x, x2 + 2L * i, LITTLE_ENDIAN));
            var v3 = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, x, x3 + 2L * i, LITTLE_ENDIAN));
            v0.intoMemorySegment(y, p, LITTLE_ENDIAN);
            v1.intoMemorySegment(y, p + VECTOR, LITTLE_ENDIAN);
            v2.intoMemorySegment(y, p + 2 * VECTOR, LITTLE_ENDIAN);
            v3.intoMemorySegment(y, p + 3 * VECTOR, LITTLE_ENDIAN);
        }
    }
}
