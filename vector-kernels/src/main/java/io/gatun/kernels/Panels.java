package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Packing of matrix operands into the order in which {@link GemmKernels} read them, optionally rounded to BF16 on the way
 * (to nearest, ties to even, kept as f32). A panel of B holds, for each k, {@link GemmTile#COLUMNS} consecutive columns; panels
 * follow each other, the last one filled up with zeros. A panel of A holds, for each k, {@link GemmTile#ROWS} rows in
 * {@link #ROW_STEP} places; anything may lie in the places beyond, and in those of rows that the last one lacks. Offsets and strides count elements; segments are native and hold f32.
 */
public final class Panels {
    /** Places of a k in a panel of A: a power of two, so that the compiler can prove the accesses to be in range. */
    static final int ROW_STEP = 8;

    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> PLACES =
            LANES.length() >= ROW_STEP ? FloatVector.SPECIES_256 : FloatVector.SPECIES_128;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int COLUMNS = GemmTile.COLUMNS;
    private static final int HALF = LANES.length() * Float.BYTES;
    private static final int WHOLE = 2 * HALF;
    private static final int ROW_BYTES = ROW_STEP * Float.BYTES;

    private Panels() {}

    /** Elements that B [k, cols] takes in panels. */
    public static long size(int k, int cols) {
        return (long) (cols + COLUMNS - 1) / COLUMNS * COLUMNS * k;
    }

    /** Elements that A [k, rows] takes in panels. */
    public static long rowsSize(int k, int rows) {
        return (long) (rows + GemmTile.ROWS - 1) / GemmTile.ROWS * ROW_STEP * k;
    }

    /** Packs {@code b} [k, cols] into {@code panels}, which holds {@link #size} elements from {@code p0}. */
    public static void packColumns(
            MemorySegment panels, long p0, MemorySegment b, long b0, long bStride, int k, int cols, boolean bf16) {
        for (int col = 0; col < cols; col += COLUMNS) {
            long to = Float.BYTES * (p0 + (long) col * k);
            long from = Float.BYTES * (b0 + col);
            if (cols - col >= COLUMNS) {
                copyPanel(panels, to, b, from, Float.BYTES * bStride, k, bf16);
            } else {
                copyLastPanel(panels, to, b, from, Float.BYTES * bStride, k, cols - col, bf16);
            }
        }
    }

    private static void copyPanel(
            MemorySegment panels, long to, MemorySegment b, long from, long stride, int k, boolean bf16) {
        if (bf16) { // loops of their own: where rounded and plain vectors meet, C2 boxes them
            for (int i = 0; i < k; i++) {
                long at = from + i * stride;
                long out = to + (long) i * WHOLE;
                rounded(FloatVector.fromMemorySegment(LANES, b, at, LITTLE_ENDIAN))
                        .intoMemorySegment(panels, out, LITTLE_ENDIAN);
                rounded(FloatVector.fromMemorySegment(LANES, b, at + HALF, LITTLE_ENDIAN))
                        .intoMemorySegment(panels, out + HALF, LITTLE_ENDIAN);
            }
            return;
        }
        for (int i = 0; i < k; i++) {
            long at = from + i * stride;
            long out = to + (long) i * WHOLE;
            FloatVector.fromMemorySegment(LANES, b, at, LITTLE_ENDIAN).intoMemorySegment(panels, out, LITTLE_ENDIAN);
            FloatVector.fromMemorySegment(LANES, b, at + HALF, LITTLE_ENDIAN)
                    .intoMemorySegment(panels, out + HALF, LITTLE_ENDIAN);
        }
    }

    private static void copyLastPanel(
            MemorySegment panels, long to, MemorySegment b, long from, long stride, int k, int width, boolean bf16) {
        for (int i = 0; i < k; i++) {
            long row = to + (long) i * WHOLE;
            for (int j = 0; j < width; j++) {
                float x = b.get(FLOAT, from + i * stride + 4L * j);
                panels.set(FLOAT, row + 4L * j, bf16 ? rounded(x) : x);
            }
            // a loop of its own: one that reads under a condition has its bounds checked for all columns, and is thrown
            // away
            for (int j = width; j < COLUMNS; j++) panels.set(FLOAT, row + 4L * j, 0);
        }
    }

    /** Packs the transposed of {@code b} [cols, k] into {@code panels}, which holds {@link #size} elements from {@code p0}. */
    public static void packTransposed(
            MemorySegment panels, long p0, MemorySegment b, long b0, long bStride, int k, int cols, boolean bf16) {
        for (int col = 0; col < cols; col += COLUMNS) {
            long panel = Float.BYTES * (p0 + (long) col * k);
            for (int j = 0; j < COLUMNS; j++) {
                long to = panel + 4L * j;
                if (col + j < cols) {
                    copyColumn(panels, to, b, Float.BYTES * (b0 + (col + j) * bStride), k, bf16);
                } else {
                    for (int i = 0; i < k; i++) panels.set(FLOAT, to + (long) i * WHOLE, 0);
                }
            }
        }
    }

    private static void copyColumn(MemorySegment panels, long to, MemorySegment b, long from, int k, boolean bf16) {
        if (bf16) {
            for (int i = 0; i < k; i++) {
                panels.set(FLOAT, to + (long) i * WHOLE, rounded(b.get(FLOAT, from + 4L * i)));
            }
        } else {
            for (int i = 0; i < k; i++) panels.set(FLOAT, to + (long) i * WHOLE, b.get(FLOAT, from + 4L * i));
        }
    }

    /** Packs {@code a} [k, rows] into {@code panels} of A, which hold {@link #rowsSize} elements from {@code p0}. */
    public static void packRows(
            MemorySegment panels, long p0, MemorySegment a, long a0, long aStride, int k, int rows, boolean bf16) {
        for (int row = 0; row < rows; row += GemmTile.ROWS) {
            long to = Float.BYTES * (p0 + (long) (row / GemmTile.ROWS) * k * ROW_STEP);
            long from = Float.BYTES * (a0 + row);
            long stride = Float.BYTES * aStride;
            int whole = wholeLoads(a, from, stride, k);
            copyPlaces(panels, to, a, from, stride, whole, bf16);
            copyRows(panels, to, a, from, stride, whole, k, Math.min(GemmTile.ROWS, rows - row), bf16);
        }
    }

    /** For how many k all places can be read: the rows that follow those of the panel, or the next k's, may lie there. */
    private static int wholeLoads(MemorySegment a, long from, long stride, int k) {
        long room = a.byteSize() - ROW_BYTES - from;
        if (room < 0) return 0;
        return stride == 0 ? k : (int) Math.min(k, room / stride + 1);
    }

    private static void copyPlaces(
            MemorySegment panels, long to, MemorySegment a, long from, long stride, int k, boolean bf16) {
        if (bf16) {
            for (int i = 0; i < k; i++) {
                long at = from + i * stride;
                long out = to + (long) i * ROW_BYTES;
                for (int j = 0; j < ROW_BYTES; j += PLACES.vectorByteSize()) {
                    rounded(FloatVector.fromMemorySegment(PLACES, a, at + j, LITTLE_ENDIAN))
                            .intoMemorySegment(panels, out + j, LITTLE_ENDIAN);
                }
            }
            return;
        }
        for (int i = 0; i < k; i++) {
            long at = from + i * stride;
            long out = to + (long) i * ROW_BYTES;
            for (int j = 0; j < ROW_BYTES; j += PLACES.vectorByteSize()) {
                FloatVector.fromMemorySegment(PLACES, a, at + j, LITTLE_ENDIAN)
                        .intoMemorySegment(panels, out + j, LITTLE_ENDIAN);
            }
        }
    }

    private static void copyRows(
            MemorySegment panels,
            long to,
            MemorySegment a,
            long from,
            long stride,
            int first,
            int k,
            int rows,
            boolean bf16) {
        for (int i = first; i < k; i++) {
            for (int j = 0; j < rows; j++) {
                float x = a.get(FLOAT, from + i * stride + 4L * j);
                panels.set(FLOAT, to + (long) i * ROW_BYTES + 4L * j, bf16 ? rounded(x) : x);
            }
        }
    }

    /** Copies {@code a} [rows, k] rounded to BF16; the copy has rows without gaps. */
    public static void round(MemorySegment copy, long c0, MemorySegment a, long a0, long aStride, int rows, int k) {
        int step = LANES.length();
        for (int row = 0; row < rows; row++) {
            long to = Float.BYTES * (c0 + (long) row * k);
            long from = Float.BYTES * (a0 + row * aStride);
            int i = 0;
            for (; i <= k - step; i += step) {
                rounded(FloatVector.fromMemorySegment(LANES, a, from + 4L * i, LITTLE_ENDIAN))
                        .intoMemorySegment(copy, to + 4L * i, LITTLE_ENDIAN);
            }
            for (; i < k; i++) copy.set(FLOAT, to + 4L * i, rounded(a.get(FLOAT, from + 4L * i)));
        }
    }

    /** The nearest BF16 number, ties to even; a NaN stays one. */
    static float rounded(float x) {
        int bits = Float.floatToRawIntBits(x);
        return x != x ? x : Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
    }

    private static FloatVector rounded(FloatVector x) {
        var bits = x.viewAsIntegralLanes();
        var odd = bits.lanewise(LSHR, 16).and(1);
        var near = bits.add(0x7fff).add(odd).and(0xffff0000).viewAsFloatingLanes();
        return near.blend(x, x.compare(NE, x));
    }
}
