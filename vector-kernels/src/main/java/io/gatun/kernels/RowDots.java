package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code S = X Cᵀ} for a few rows of X and a block of rows of C in {@link RowQuads}: scores of heads at a block of positions, or rows
 * of a weight times a batch. Each product is summed in lanes, and the lanes at the end: its bits depend on its own two rows only.
 * All f32, rows padded with zeros to whole vectors; places and steps between rows count bytes.
 */
final class RowDots {
    /** Most rows of C. */
    static final int ROWS = 32;

    /** Most rows of X. */
    static final int QUERIES = 16;

    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final long VECTOR = (long) Float.BYTES * LANES.length();

    private RowDots() {}

    /** One worker's memory for sums whose lanes are not added yet. */
    static MemorySegment lanes() {
        return Arena.ofAuto().allocate(QUERIES * ROWS * VECTOR, 64);
    }

    /**
     * The first step, for four rows of C: writes the lanes of their sums.
     *
     * @param lanes [queries, ROWS] vectors
     * @param j which rows of the block: a multiple of four
     * @param x [queries, dim]
     * @param quads the four rows, [4, dim] from byte {@code at}
     */
    static void four(
            MemorySegment lanes,
            int j,
            MemorySegment x,
            long xAt,
            long xStep,
            int queries,
            MemorySegment quads,
            long at,
            int dim) {
        for (int i = 0; i < queries; i += 2) {
            int other = Math.min(i + 1, queries - 1); // of a last odd one, both of the pair are the same
            long s0 = (i * ROWS + j) * VECTOR;
            long s1 = (other * ROWS + j) * VECTOR;
            tile(lanes, s0, s1, x, xAt + i * xStep, xAt + other * xStep, quads, at, dim, -1);
        }
    }

    /** The branch that is never taken keeps C2 from unrolling, for which it has too few registers: 56 instead of 33 GF/s on Zen 3. */
    private static void tile(
            MemorySegment lanes,
            long s0,
            long s1,
            MemorySegment x,
            long x0,
            long x1,
            MemorySegment c,
            long at,
            int dim,
            int never) {
        var a0 = FloatVector.zero(LANES);
        FloatVector a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (int i = 0; i < dim; i += LANES.length()) {
            long p = at + 16L * i;
            var u = FloatVector.fromMemorySegment(LANES, x, x0 + 4L * i, LITTLE_ENDIAN);
            var v = FloatVector.fromMemorySegment(LANES, x, x1 + 4L * i, LITTLE_ENDIAN);
            var w0 = FloatVector.fromMemorySegment(LANES, c, p, LITTLE_ENDIAN);
            a0 = u.fma(w0, a0);
            b0 = v.fma(w0, b0);
            var w1 = FloatVector.fromMemorySegment(LANES, c, p + VECTOR, LITTLE_ENDIAN);
            a1 = u.fma(w1, a1);
            b1 = v.fma(w1, b1);
            if (i == never) break;
            var w2 = FloatVector.fromMemorySegment(LANES, c, p + 2 * VECTOR, LITTLE_ENDIAN);
            a2 = u.fma(w2, a2);
            b2 = v.fma(w2, b2);
            var w3 = FloatVector.fromMemorySegment(LANES, c, p + 3 * VECTOR, LITTLE_ENDIAN);
            a3 = u.fma(w3, a3);
            b3 = v.fma(w3, b3);
        }
        a0.intoMemorySegment(lanes, s0, LITTLE_ENDIAN);
        a1.intoMemorySegment(lanes, s0 + VECTOR, LITTLE_ENDIAN);
        a2.intoMemorySegment(lanes, s0 + 2 * VECTOR, LITTLE_ENDIAN);
        a3.intoMemorySegment(lanes, s0 + 3 * VECTOR, LITTLE_ENDIAN);
        b0.intoMemorySegment(lanes, s1, LITTLE_ENDIAN);
        b1.intoMemorySegment(lanes, s1 + VECTOR, LITTLE_ENDIAN);
        b2.intoMemorySegment(lanes, s1 + 2 * VECTOR, LITTLE_ENDIAN);
        b3.intoMemorySegment(lanes, s1 + 3 * VECTOR, LITTLE_ENDIAN);
    }

    /** The second step: writes {@code s} [queries, rows] from the lanes of all rows, which are used up. */
    static void sums(MemorySegment s, long sAt, long sStep, MemorySegment lanes, int queries, int rows) {
        int whole = RowQuads.padded(rows);
        for (int i = 0; i < queries; i++) {
            long at = i * ROWS * VECTOR;
            LaneSums.of(lanes, at, whole);
            MemorySegment.copy(lanes, at, s, sAt + i * sStep, (long) Float.BYTES * rows);
        }
    }
}
