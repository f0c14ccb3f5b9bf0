package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code S = X Cᵀ} for a few rows of X and a block of rows of C, both row-major: scores of heads at a block of positions, or rows of
 * a weight times a batch. Each product is summed in lanes, and the lanes at the end: its bits depend on its own two rows only.
 * All f32; places and steps between rows count bytes.
 */
final class RowDots {
    /** Most rows of C at a time. */
    static final int ROWS = 32;

    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final long VECTOR = (long) Float.BYTES * LANES.length();
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int QUERIES = 16; // rows of X whose sums wait for their lanes to be added

    private RowDots() {}

    /** One worker's memory: the lanes of {@link #QUERIES} by {@link #ROWS} sums. */
    static MemorySegment lanes() {
        return Arena.ofAuto().allocate(QUERIES * ROWS * VECTOR, 64);
    }

    /**
     * Writes {@code s} [queries, rows].
     *
     * @param x [queries, dim]
     * @param c [rows, dim], at most {@link #ROWS}
     * @param lanes of {@link #lanes}
     */
    static void write(
            MemorySegment s,
            long sAt,
            long sStep,
            MemorySegment x,
            long xAt,
            long xStep,
            int queries,
            MemorySegment c,
            long cAt,
            long cStep,
            int rows,
            int dim,
            MemorySegment lanes) {
        int whole = LANES.loopBound(dim);
        int slots = (rows + LANES.length() - 1) / LANES.length() * LANES.length();
        for (int from = 0; from < queries; from += QUERIES) {
            int count = Math.min(QUERIES, queries - from);
            for (int j = 0; j < rows; j += 4) { // four rows of C stay in the first cache
                for (int i = 0; i < count; i += 2) {
                    int other = Math.min(i + 1, count - 1); // of a last odd one, both of the pair are the same
                    tile(
                            lanes,
                            (i * slots + j) * VECTOR,
                            (other * slots + j) * VECTOR,
                            x,
                            xAt + (from + i) * xStep,
                            xAt + (from + other) * xStep,
                            c,
                            cAt + j * cStep,
                            cStep,
                            rows - 1 - j,
                            whole);
                }
            }
            LaneSums.of(lanes, 0, count * slots);
            for (int i = 0; i < count; i++) {
                long to = sAt + (from + i) * sStep;
                MemorySegment.copy(lanes, (long) Float.BYTES * slots * i, s, to, (long) Float.BYTES * rows);
                if (whole < dim) addRest(s, to, x, xAt + (from + i) * xStep, c, cAt, cStep, rows, whole, dim);
            }
        }
    }

    /** The lanes of eight sums over {@code dim} numbers, whole vectors: of two queries with rows 0 to 3 of c, none past {@code last}. */
    private static void tile(
            MemorySegment lanes,
            long s0,
            long s1,
            MemorySegment x,
            long x0,
            long x1,
            MemorySegment c,
            long c0,
            long step,
            int last,
            int dim) {
        long c1 = c0 + Math.min(1, last) * step;
        long c2 = c0 + Math.min(2, last) * step;
        long c3 = c0 + Math.min(3, last) * step;
        var a0 = FloatVector.zero(LANES);
        FloatVector a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (int i = 0; i < dim; i += LANES.length()) {
            var u = FloatVector.fromMemorySegment(LANES, x, x0 + 4L * i, LITTLE_ENDIAN);
            var v = FloatVector.fromMemorySegment(LANES, x, x1 + 4L * i, LITTLE_ENDIAN);
            var w = FloatVector.fromMemorySegment(LANES, c, c0 + 4L * i, LITTLE_ENDIAN);
            a0 = u.fma(w, a0);
            b0 = v.fma(w, b0);
            w = FloatVector.fromMemorySegment(LANES, c, c1 + 4L * i, LITTLE_ENDIAN);
            a1 = u.fma(w, a1);
            b1 = v.fma(w, b1);
            w = FloatVector.fromMemorySegment(LANES, c, c2 + 4L * i, LITTLE_ENDIAN);
            a2 = u.fma(w, a2);
            b2 = v.fma(w, b2);
            w = FloatVector.fromMemorySegment(LANES, c, c3 + 4L * i, LITTLE_ENDIAN);
            a3 = u.fma(w, a3);
            b3 = v.fma(w, b3);
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

    /** Adds what whole vectors left out. */
    private static void addRest(
            MemorySegment s,
            long sAt,
            MemorySegment x,
            long xAt,
            MemorySegment c,
            long cAt,
            long cStep,
            int rows,
            int from,
            int dim) {
        for (int j = 0; j < rows; j++) {
            float sum = s.get(FLOAT, sAt + 4L * j);
            for (int i = from; i < dim; i++) {
                sum = Math.fma(x.get(FLOAT, xAt + 4L * i), c.get(FLOAT, cAt + j * cStep + 4L * i), sum);
            }
            s.set(FLOAT, sAt + 4L * j, sum);
        }
    }
}
