package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link GemmTile}: tiles of C, summed in registers. Offsets and strides count bytes. What C2 makes of
 * them decides the speed of training, so they are written for it (measured on Zen 3, whose roof is 100 GF/s a core):
 *
 * <ul>
 *   <li>A branch that is never taken stands between pairs of rows. Without it C2 hoists all six broadcasts to the top of the
 *       loop, has too few of the 16 registers of AVX2, and spills accumulators: 39 GF/s instead of 93. The step at which to
 *       leave is an argument, so that the compiler cannot prove what callers know: that it is negative.
 *   <li>Masked stores in the same method cost as much (39 GF/s), so ragged columns have a kernel of their own.
 *   <li>Sums and stores of an added tile are apart from those of a written one: where the two would meet, C2 boxes the vectors.
 *   <li>Where a tile has fewer rows, addresses come from {@code Math.min}: under a condition, the first tile of each height that a
 *       run meets throws the compiled kernel away, and it is interpreted for the second that a new one takes.
 *   <li>Loads and stores are written out: C2 leaves a helper that it has compiled before out of line and boxes the vectors.
 * </ul>
 */
final class GemmKernels {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int HALF = LANES.length() * Float.BYTES;
    private static final int WHOLE = 2 * HALF;
    private static final int ROW_BYTES = Panels.ROW_STEP * Float.BYTES;

    private GemmKernels() {}

    /** One to six rows by one whole panel. Missing rows repeat the last one, which is then stored again. */
    static void rows(
            MemorySegment c,
            long cAt,
            long cStride,
            MemorySegment a,
            long aAt,
            long aStride,
            MemorySegment b,
            long bAt,
            int k,
            int rows,
            boolean add,
            int never,
            int nor) {
        var c00 = FloatVector.zero(LANES);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
        FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
        long a1 = aAt + aStride * Math.min(1, rows - 1);
        long a2 = aAt + aStride * Math.min(2, rows - 1);
        long a3 = aAt + aStride * Math.min(3, rows - 1);
        long a4 = aAt + aStride * Math.min(4, rows - 1);
        long a5 = aAt + aStride * Math.min(5, rows - 1);
        for (int i = 0; i < k; i++) {
            long p = bAt + (long) i * WHOLE;
            long q = (long) i * Float.BYTES;
            var b0 = FloatVector.fromMemorySegment(LANES, b, p, LITTLE_ENDIAN);
            var b1 = FloatVector.fromMemorySegment(LANES, b, p + HALF, LITTLE_ENDIAN);
            var x0 = FloatVector.broadcast(LANES, a.get(FLOAT, aAt + q));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            var x1 = FloatVector.broadcast(LANES, a.get(FLOAT, a1 + q));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            if (i == never) break;
            var x2 = FloatVector.broadcast(LANES, a.get(FLOAT, a2 + q));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            var x3 = FloatVector.broadcast(LANES, a.get(FLOAT, a3 + q));
            c30 = x3.fma(b0, c30);
            c31 = x3.fma(b1, c31);
            if (i == nor) break;
            var x4 = FloatVector.broadcast(LANES, a.get(FLOAT, a4 + q));
            c40 = x4.fma(b0, c40);
            c41 = x4.fma(b1, c41);
            var x5 = FloatVector.broadcast(LANES, a.get(FLOAT, a5 + q));
            c50 = x5.fma(b0, c50);
            c51 = x5.fma(b1, c51);
        }
        long at1 = cAt + cStride * Math.min(1, rows - 1);
        long at2 = cAt + cStride * Math.min(2, rows - 1);
        long at3 = cAt + cStride * Math.min(3, rows - 1);
        long at4 = cAt + cStride * Math.min(4, rows - 1);
        long at5 = cAt + cStride * Math.min(5, rows - 1);
        if (add) { // all are read before one is written: missing rows repeat the last
            var s00 = c00.add(FloatVector.fromMemorySegment(LANES, c, cAt, LITTLE_ENDIAN));
            var s01 = c01.add(FloatVector.fromMemorySegment(LANES, c, cAt + HALF, LITTLE_ENDIAN));
            var s10 = c10.add(FloatVector.fromMemorySegment(LANES, c, at1, LITTLE_ENDIAN));
            var s11 = c11.add(FloatVector.fromMemorySegment(LANES, c, at1 + HALF, LITTLE_ENDIAN));
            var s20 = c20.add(FloatVector.fromMemorySegment(LANES, c, at2, LITTLE_ENDIAN));
            var s21 = c21.add(FloatVector.fromMemorySegment(LANES, c, at2 + HALF, LITTLE_ENDIAN));
            var s30 = c30.add(FloatVector.fromMemorySegment(LANES, c, at3, LITTLE_ENDIAN));
            var s31 = c31.add(FloatVector.fromMemorySegment(LANES, c, at3 + HALF, LITTLE_ENDIAN));
            var s40 = c40.add(FloatVector.fromMemorySegment(LANES, c, at4, LITTLE_ENDIAN));
            var s41 = c41.add(FloatVector.fromMemorySegment(LANES, c, at4 + HALF, LITTLE_ENDIAN));
            var s50 = c50.add(FloatVector.fromMemorySegment(LANES, c, at5, LITTLE_ENDIAN));
            var s51 = c51.add(FloatVector.fromMemorySegment(LANES, c, at5 + HALF, LITTLE_ENDIAN));
            s00.intoMemorySegment(c, cAt, LITTLE_ENDIAN);
            s01.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN);
            s10.intoMemorySegment(c, at1, LITTLE_ENDIAN);
            s11.intoMemorySegment(c, at1 + HALF, LITTLE_ENDIAN);
            s20.intoMemorySegment(c, at2, LITTLE_ENDIAN);
            s21.intoMemorySegment(c, at2 + HALF, LITTLE_ENDIAN);
            s30.intoMemorySegment(c, at3, LITTLE_ENDIAN);
            s31.intoMemorySegment(c, at3 + HALF, LITTLE_ENDIAN);
            s40.intoMemorySegment(c, at4, LITTLE_ENDIAN);
            s41.intoMemorySegment(c, at4 + HALF, LITTLE_ENDIAN);
            s50.intoMemorySegment(c, at5, LITTLE_ENDIAN);
            s51.intoMemorySegment(c, at5 + HALF, LITTLE_ENDIAN);
            return;
        }
        c00.intoMemorySegment(c, cAt, LITTLE_ENDIAN);
        c01.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN);
        c10.intoMemorySegment(c, at1, LITTLE_ENDIAN);
        c11.intoMemorySegment(c, at1 + HALF, LITTLE_ENDIAN);
        c20.intoMemorySegment(c, at2, LITTLE_ENDIAN);
        c21.intoMemorySegment(c, at2 + HALF, LITTLE_ENDIAN);
        c30.intoMemorySegment(c, at3, LITTLE_ENDIAN);
        c31.intoMemorySegment(c, at3 + HALF, LITTLE_ENDIAN);
        c40.intoMemorySegment(c, at4, LITTLE_ENDIAN);
        c41.intoMemorySegment(c, at4 + HALF, LITTLE_ENDIAN);
        c50.intoMemorySegment(c, at5, LITTLE_ENDIAN);
        c51.intoMemorySegment(c, at5 + HALF, LITTLE_ENDIAN);
    }

    /**
     * As {@link #rows}, of an A packed by {@link Panels#packRows}. Missing rows are summed from whatever lies in their places and
     * stored where the last row goes, before it is.
     */
    static void packedRows(
            MemorySegment c,
            long cAt,
            long cStride,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            int k,
            int rows,
            boolean add,
            int never,
            int nor) {
        var c00 = FloatVector.zero(LANES);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
        FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
        for (int i = 0; i < k; i++) {
            long p = bAt + (long) i * WHOLE;
            long q = aAt + (long) i * ROW_BYTES;
            var b0 = FloatVector.fromMemorySegment(LANES, b, p, LITTLE_ENDIAN);
            var b1 = FloatVector.fromMemorySegment(LANES, b, p + HALF, LITTLE_ENDIAN);
            var x0 = FloatVector.broadcast(LANES, a.get(FLOAT, q));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            var x1 = FloatVector.broadcast(LANES, a.get(FLOAT, q + 4));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
            if (i == never) break;
            var x2 = FloatVector.broadcast(LANES, a.get(FLOAT, q + 8));
            c20 = x2.fma(b0, c20);
            c21 = x2.fma(b1, c21);
            var x3 = FloatVector.broadcast(LANES, a.get(FLOAT, q + 12));
            c30 = x3.fma(b0, c30);
            c31 = x3.fma(b1, c31);
            if (i == nor) break;
            var x4 = FloatVector.broadcast(LANES, a.get(FLOAT, q + 16));
            c40 = x4.fma(b0, c40);
            c41 = x4.fma(b1, c41);
            var x5 = FloatVector.broadcast(LANES, a.get(FLOAT, q + 20));
            c50 = x5.fma(b0, c50);
            c51 = x5.fma(b1, c51);
        }
        long at1 = cAt + cStride * Math.min(1, rows - 1);
        long at2 = cAt + cStride * Math.min(2, rows - 1);
        long at3 = cAt + cStride * Math.min(3, rows - 1);
        long at4 = cAt + cStride * Math.min(4, rows - 1);
        long at5 = cAt + cStride * Math.min(5, rows - 1);
        if (add) { // all are read before one is written: missing rows share the last one's place
            var s00 = c00.add(FloatVector.fromMemorySegment(LANES, c, cAt, LITTLE_ENDIAN));
            var s01 = c01.add(FloatVector.fromMemorySegment(LANES, c, cAt + HALF, LITTLE_ENDIAN));
            var s10 = c10.add(FloatVector.fromMemorySegment(LANES, c, at1, LITTLE_ENDIAN));
            var s11 = c11.add(FloatVector.fromMemorySegment(LANES, c, at1 + HALF, LITTLE_ENDIAN));
            var s20 = c20.add(FloatVector.fromMemorySegment(LANES, c, at2, LITTLE_ENDIAN));
            var s21 = c21.add(FloatVector.fromMemorySegment(LANES, c, at2 + HALF, LITTLE_ENDIAN));
            var s30 = c30.add(FloatVector.fromMemorySegment(LANES, c, at3, LITTLE_ENDIAN));
            var s31 = c31.add(FloatVector.fromMemorySegment(LANES, c, at3 + HALF, LITTLE_ENDIAN));
            var s40 = c40.add(FloatVector.fromMemorySegment(LANES, c, at4, LITTLE_ENDIAN));
            var s41 = c41.add(FloatVector.fromMemorySegment(LANES, c, at4 + HALF, LITTLE_ENDIAN));
            var s50 = c50.add(FloatVector.fromMemorySegment(LANES, c, at5, LITTLE_ENDIAN));
            var s51 = c51.add(FloatVector.fromMemorySegment(LANES, c, at5 + HALF, LITTLE_ENDIAN));
            s51.intoMemorySegment(c, at5 + HALF, LITTLE_ENDIAN);
            s50.intoMemorySegment(c, at5, LITTLE_ENDIAN);
            s41.intoMemorySegment(c, at4 + HALF, LITTLE_ENDIAN);
            s40.intoMemorySegment(c, at4, LITTLE_ENDIAN);
            s31.intoMemorySegment(c, at3 + HALF, LITTLE_ENDIAN);
            s30.intoMemorySegment(c, at3, LITTLE_ENDIAN);
            s21.intoMemorySegment(c, at2 + HALF, LITTLE_ENDIAN);
            s20.intoMemorySegment(c, at2, LITTLE_ENDIAN);
            s11.intoMemorySegment(c, at1 + HALF, LITTLE_ENDIAN);
            s10.intoMemorySegment(c, at1, LITTLE_ENDIAN);
            s01.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN);
            s00.intoMemorySegment(c, cAt, LITTLE_ENDIAN);
            return;
        }
        c51.intoMemorySegment(c, at5 + HALF, LITTLE_ENDIAN);
        c50.intoMemorySegment(c, at5, LITTLE_ENDIAN);
        c41.intoMemorySegment(c, at4 + HALF, LITTLE_ENDIAN);
        c40.intoMemorySegment(c, at4, LITTLE_ENDIAN);
        c31.intoMemorySegment(c, at3 + HALF, LITTLE_ENDIAN);
        c30.intoMemorySegment(c, at3, LITTLE_ENDIAN);
        c21.intoMemorySegment(c, at2 + HALF, LITTLE_ENDIAN);
        c20.intoMemorySegment(c, at2, LITTLE_ENDIAN);
        c11.intoMemorySegment(c, at1 + HALF, LITTLE_ENDIAN);
        c10.intoMemorySegment(c, at1, LITTLE_ENDIAN);
        c01.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN);
        c00.intoMemorySegment(c, cAt, LITTLE_ENDIAN);
    }

    /** One or two rows by the first {@code cols} columns of a panel, of an A with any strides. */
    static void ragged(
            MemorySegment c,
            long cAt,
            long cStride,
            MemorySegment a,
            long aAt,
            long aStride,
            long aStep,
            MemorySegment b,
            long bAt,
            int k,
            int rows,
            int cols,
            boolean add) {
        var c00 = FloatVector.zero(LANES);
        FloatVector c01 = c00, c10 = c00, c11 = c00;
        long a1 = aAt + aStride * Math.min(1, rows - 1);
        for (int i = 0; i < k; i++) {
            long p = bAt + (long) i * WHOLE;
            var b0 = FloatVector.fromMemorySegment(LANES, b, p, LITTLE_ENDIAN);
            var b1 = FloatVector.fromMemorySegment(LANES, b, p + HALF, LITTLE_ENDIAN);
            var x0 = FloatVector.broadcast(LANES, a.get(FLOAT, aAt + i * aStep));
            c00 = x0.fma(b0, c00);
            c01 = x0.fma(b1, c01);
            var x1 = FloatVector.broadcast(LANES, a.get(FLOAT, a1 + i * aStep));
            c10 = x1.fma(b0, c10);
            c11 = x1.fma(b1, c11);
        }
        long at1 = cAt + cStride * Math.min(1, rows - 1);
        var low = LANES.indexInRange(0, cols);
        var high = LANES.indexInRange(LANES.length(), cols);
        if (add) { // all are read before one is written: missing rows repeat the last
            var s00 = c00.add(FloatVector.fromMemorySegment(LANES, c, cAt, LITTLE_ENDIAN, low));
            var s01 = c01.add(FloatVector.fromMemorySegment(LANES, c, cAt + HALF, LITTLE_ENDIAN, high));
            var s10 = c10.add(FloatVector.fromMemorySegment(LANES, c, at1, LITTLE_ENDIAN, low));
            var s11 = c11.add(FloatVector.fromMemorySegment(LANES, c, at1 + HALF, LITTLE_ENDIAN, high));
            s00.intoMemorySegment(c, cAt, LITTLE_ENDIAN, low);
            s01.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN, high);
            s10.intoMemorySegment(c, at1, LITTLE_ENDIAN, low);
            s11.intoMemorySegment(c, at1 + HALF, LITTLE_ENDIAN, high);
            return;
        }
        c00.intoMemorySegment(c, cAt, LITTLE_ENDIAN, low);
        c01.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN, high);
        c10.intoMemorySegment(c, at1, LITTLE_ENDIAN, low);
        c11.intoMemorySegment(c, at1 + HALF, LITTLE_ENDIAN, high);
    }

    /** One row by four whole panels, {@code panel} apart: decoding, where four streams keep the memory busy. */
    static void row(
            MemorySegment c,
            long cAt,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            long panel,
            int k,
            boolean add) {
        var c0 = FloatVector.zero(LANES);
        FloatVector c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
        long b1 = bAt + panel, b2 = b1 + panel, b3 = b2 + panel;
        for (int i = 0; i < k; i++) {
            long p = (long) i * WHOLE;
            var x = FloatVector.broadcast(LANES, a.get(FLOAT, aAt + (long) i * Float.BYTES));
            c0 = x.fma(FloatVector.fromMemorySegment(LANES, b, bAt + p, LITTLE_ENDIAN), c0);
            c1 = x.fma(FloatVector.fromMemorySegment(LANES, b, bAt + p + HALF, LITTLE_ENDIAN), c1);
            c2 = x.fma(FloatVector.fromMemorySegment(LANES, b, b1 + p, LITTLE_ENDIAN), c2);
            c3 = x.fma(FloatVector.fromMemorySegment(LANES, b, b1 + p + HALF, LITTLE_ENDIAN), c3);
            c4 = x.fma(FloatVector.fromMemorySegment(LANES, b, b2 + p, LITTLE_ENDIAN), c4);
            c5 = x.fma(FloatVector.fromMemorySegment(LANES, b, b2 + p + HALF, LITTLE_ENDIAN), c5);
            c6 = x.fma(FloatVector.fromMemorySegment(LANES, b, b3 + p, LITTLE_ENDIAN), c6);
            c7 = x.fma(FloatVector.fromMemorySegment(LANES, b, b3 + p + HALF, LITTLE_ENDIAN), c7);
        }
        if (add) { // all are read before one is written: missing rows repeat the last
            var s0 = c0.add(FloatVector.fromMemorySegment(LANES, c, cAt, LITTLE_ENDIAN));
            var s1 = c1.add(FloatVector.fromMemorySegment(LANES, c, cAt + HALF, LITTLE_ENDIAN));
            var s2 = c2.add(FloatVector.fromMemorySegment(LANES, c, cAt + 2 * HALF, LITTLE_ENDIAN));
            var s3 = c3.add(FloatVector.fromMemorySegment(LANES, c, cAt + 3 * HALF, LITTLE_ENDIAN));
            var s4 = c4.add(FloatVector.fromMemorySegment(LANES, c, cAt + 4 * HALF, LITTLE_ENDIAN));
            var s5 = c5.add(FloatVector.fromMemorySegment(LANES, c, cAt + 5 * HALF, LITTLE_ENDIAN));
            var s6 = c6.add(FloatVector.fromMemorySegment(LANES, c, cAt + 6 * HALF, LITTLE_ENDIAN));
            var s7 = c7.add(FloatVector.fromMemorySegment(LANES, c, cAt + 7 * HALF, LITTLE_ENDIAN));
            s0.intoMemorySegment(c, cAt, LITTLE_ENDIAN);
            s1.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN);
            s2.intoMemorySegment(c, cAt + 2 * HALF, LITTLE_ENDIAN);
            s3.intoMemorySegment(c, cAt + 3 * HALF, LITTLE_ENDIAN);
            s4.intoMemorySegment(c, cAt + 4 * HALF, LITTLE_ENDIAN);
            s5.intoMemorySegment(c, cAt + 5 * HALF, LITTLE_ENDIAN);
            s6.intoMemorySegment(c, cAt + 6 * HALF, LITTLE_ENDIAN);
            s7.intoMemorySegment(c, cAt + 7 * HALF, LITTLE_ENDIAN);
            return;
        }
        c0.intoMemorySegment(c, cAt, LITTLE_ENDIAN);
        c1.intoMemorySegment(c, cAt + HALF, LITTLE_ENDIAN);
        c2.intoMemorySegment(c, cAt + 2 * HALF, LITTLE_ENDIAN);
        c3.intoMemorySegment(c, cAt + 3 * HALF, LITTLE_ENDIAN);
        c4.intoMemorySegment(c, cAt + 4 * HALF, LITTLE_ENDIAN);
        c5.intoMemorySegment(c, cAt + 5 * HALF, LITTLE_ENDIAN);
        c6.intoMemorySegment(c, cAt + 6 * HALF, LITTLE_ENDIAN);
        c7.intoMemorySegment(c, cAt + 7 * HALF, LITTLE_ENDIAN);
    }
}
