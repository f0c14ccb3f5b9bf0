package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link GemmTile}: tiles of C of up to six rows by two vectors, summed in registers. Offsets and
 * strides count bytes.
 *
 * <p>A branch that is never taken stands between the pairs of rows. Without it C2 hoists all six broadcasts to the top of the
 * loop, has too few of the 16 registers of AVX2, and spills accumulators: 39 GF/s instead of 90 (Zen 3). The step at which to
 * leave is an argument, so that the compiler cannot prove what callers know: that it is negative.
 */
final class GemmKernels {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int COLUMNS = GemmTile.COLUMNS;
    private static final int HALF = LANES.length() * Float.BYTES;
    private static final int WHOLE = 2 * HALF;

    private GemmKernels() {}

    /** Two to six rows; the missing ones repeat the last and are not stored. */
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
            int cols,
            boolean add,
            int never,
            int nor) {
        var c00 = FloatVector.zero(LANES);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
        FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
        long a1 = aAt + aStride;
        long a2 = rows > 2 ? a1 + aStride : a1;
        long a3 = rows > 3 ? a2 + aStride : a2;
        long a4 = rows > 4 ? a3 + aStride : a3;
        long a5 = rows > 5 ? a4 + aStride : a4;
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
        store(c, cAt, c00, c01, cols, add);
        store(c, cAt + cStride, c10, c11, cols, add);
        if (rows > 2) store(c, cAt + 2 * cStride, c20, c21, cols, add);
        if (rows > 3) store(c, cAt + 3 * cStride, c30, c31, cols, add);
        if (rows > 4) store(c, cAt + 4 * cStride, c40, c41, cols, add);
        if (rows > 5) store(c, cAt + 5 * cStride, c50, c51, cols, add);
    }

    /** One to six rows of a packed A; places of missing rows hold anything and are not stored. */
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
            int cols,
            boolean add,
            int never,
            int nor) {
        var c00 = FloatVector.zero(LANES);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
        FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
        for (int i = 0; i < k; i++) {
            long p = bAt + (long) i * WHOLE;
            long q = aAt + (long) i * (Panels.ROW_STEP * Float.BYTES);
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
        store(c, cAt, c00, c01, cols, add);
        if (rows > 1) store(c, cAt + cStride, c10, c11, cols, add);
        if (rows > 2) store(c, cAt + 2 * cStride, c20, c21, cols, add);
        if (rows > 3) store(c, cAt + 3 * cStride, c30, c31, cols, add);
        if (rows > 4) store(c, cAt + 4 * cStride, c40, c41, cols, add);
        if (rows > 5) store(c, cAt + 5 * cStride, c50, c51, cols, add);
    }

    /** A single row: decoding, and the last of a block. */
    static void row(
            MemorySegment c,
            long cAt,
            MemorySegment a,
            long aAt,
            MemorySegment b,
            long bAt,
            int k,
            int cols,
            boolean add) {
        var c0 = FloatVector.zero(LANES);
        var c1 = c0;
        for (int i = 0; i < k; i++) {
            long p = bAt + (long) i * WHOLE;
            var x = FloatVector.broadcast(LANES, a.get(FLOAT, aAt + (long) i * Float.BYTES));
            c0 = x.fma(FloatVector.fromMemorySegment(LANES, b, p, LITTLE_ENDIAN), c0);
            c1 = x.fma(FloatVector.fromMemorySegment(LANES, b, p + HALF, LITTLE_ENDIAN), c1);
        }
        store(c, cAt, c0, c1, cols, add);
    }

    private static void store(MemorySegment c, long at, FloatVector low, FloatVector high, int cols, boolean add) {
        if (cols == COLUMNS) {
            if (add) {
                low = low.add(FloatVector.fromMemorySegment(LANES, c, at, LITTLE_ENDIAN));
                high = high.add(FloatVector.fromMemorySegment(LANES, c, at + HALF, LITTLE_ENDIAN));
            }
            low.intoMemorySegment(c, at, LITTLE_ENDIAN);
            high.intoMemorySegment(c, at + HALF, LITTLE_ENDIAN);
            return;
        }
        var mask = LANES.indexInRange(0, cols);
        if (add) low = low.add(FloatVector.fromMemorySegment(LANES, c, at, LITTLE_ENDIAN, mask));
        low.intoMemorySegment(c, at, LITTLE_ENDIAN, mask);
        if (cols <= LANES.length()) return;
        mask = LANES.indexInRange(LANES.length(), cols);
        if (add) high = high.add(FloatVector.fromMemorySegment(LANES, c, at + HALF, LITTLE_ENDIAN, mask));
        high.intoMemorySegment(c, at + HALF, LITTLE_ENDIAN, mask);
    }
}
