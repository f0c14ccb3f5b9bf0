package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.B2I;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code Y += P C} for a few rows of Y and a block of rows of C in {@link RowQuads}: the contexts of heads over a block of positions,
 * or rows of a weight times a batch from the left. An element of Y takes one fused multiply-add for each row of C, in their order: its
 * bits depend on neither the other rows and columns nor how C is cut. All f32, rows padded with zeros to whole vectors; places and
 * steps between rows count bytes.
 */
final class WeightedRows {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final long VECTOR = LANES.vectorByteSize();
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Byte> CODES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, LANES.vectorBitSize() / 4)));
    private static final int FP8_BITS = 0x87f00000; // as in LaneOrder.fp8
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private WeightedRows() {}

    /**
     * Adds to {@code y} [queries, dim] the first {@code dim} numbers of rows of {@code width}.
     *
     * @param p [queries, rows]
     * @param quads [rows, width]
     * @param dim in whole vectors
     */
    static void add(
            MemorySegment y,
            long yAt,
            long yStep,
            int queries,
            MemorySegment p,
            long pAt,
            long pStep,
            MemorySegment quads,
            int rows,
            int dim,
            int width) {
        int j = 0;
        for (; j <= rows - RowQuads.ROWS; j += RowQuads.ROWS) { // four rows of C stay in the first cache
            long at = RowQuads.at(j, width);
            for (int i = 0; i < queries; i += 2) {
                int other = Math.min(i + 1, queries - 1); // of a last odd one, both of the pair are the same
                long p0 = pAt + i * pStep + 4L * j;
                long p1 = pAt + other * pStep + 4L * j;
                addFour(y, yAt + i * yStep, yAt + other * yStep, p, p0, p1, quads, at, dim);
            }
        }
        for (; j < rows; j++) {
            for (int i = 0; i < queries; i++) {
                float factor = p.get(FLOAT, pAt + i * pStep + 4L * j);
                addOne(y, yAt + i * yStep, factor, quads, RowQuads.at(j, width), dim);
            }
        }
    }

    private static void addFour(
            MemorySegment y, long y0, long y1, MemorySegment p, long p0, long p1, MemorySegment c, long at, int dim) {
        var a0 = FloatVector.broadcast(LANES, p.get(FLOAT, p0));
        var a1 = FloatVector.broadcast(LANES, p.get(FLOAT, p0 + 4));
        var a2 = FloatVector.broadcast(LANES, p.get(FLOAT, p0 + 8));
        var a3 = FloatVector.broadcast(LANES, p.get(FLOAT, p0 + 12));
        var b0 = FloatVector.broadcast(LANES, p.get(FLOAT, p1));
        var b1 = FloatVector.broadcast(LANES, p.get(FLOAT, p1 + 4));
        var b2 = FloatVector.broadcast(LANES, p.get(FLOAT, p1 + 8));
        var b3 = FloatVector.broadcast(LANES, p.get(FLOAT, p1 + 12));
        MemorySegment ya = y.asSlice(y0, 4L * dim), yb = y.asSlice(y1, 4L * dim);
        for (int i = 0; i < dim; i += LANES.length()) {
            long q = at + 16L * i;
            var a = FloatVector.fromMemorySegment(LANES, ya, 4L * i, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, yb, 4L * i, LITTLE_ENDIAN);
            var w = FloatVector.fromMemorySegment(LANES, c, q, LITTLE_ENDIAN);
            a = a0.fma(w, a);
            b = b0.fma(w, b);
            w = FloatVector.fromMemorySegment(LANES, c, q + VECTOR, LITTLE_ENDIAN);
            a = a1.fma(w, a);
            b = b1.fma(w, b);
            w = FloatVector.fromMemorySegment(LANES, c, q + 2 * VECTOR, LITTLE_ENDIAN);
            a = a2.fma(w, a);
            b = b2.fma(w, b);
            w = FloatVector.fromMemorySegment(LANES, c, q + 3 * VECTOR, LITTLE_ENDIAN);
            a3.fma(w, a).intoMemorySegment(ya, 4L * i, LITTLE_ENDIAN);
            b3.fma(w, b).intoMemorySegment(yb, 4L * i, LITTLE_ENDIAN);
        }
    }

    private static void addOne(MemorySegment y, long yAt, float p, MemorySegment c, long at, int dim) {
        var factor = FloatVector.broadcast(LANES, p);
        for (int i = 0; i < dim; i += LANES.length()) {
            var sum = FloatVector.fromMemorySegment(LANES, y, yAt + 4L * i, LITTLE_ENDIAN);
            factor.fma(FloatVector.fromMemorySegment(LANES, c, at + 16L * i, LITTLE_ENDIAN), sum)
                    .intoMemorySegment(y, yAt + 4L * i, LITTLE_ENDIAN);
        }
    }

    /** {@code y += p w} for a row of a weight as it is stored, F32. */
    static void addF32(MemorySegment y, long yAt, float p, MemorySegment w, long wAt, int dim) {
        var factor = FloatVector.broadcast(LANES, p);
        for (int i = 0; i < dim; i += LANES.length()) {
            var sum = FloatVector.fromMemorySegment(LANES, y, yAt + 4L * i, LITTLE_ENDIAN);
            factor.fma(FloatVector.fromMemorySegment(LANES, w, wAt + 4L * i, LITTLE_ENDIAN), sum)
                    .intoMemorySegment(y, yAt + 4L * i, LITTLE_ENDIAN);
        }
    }

    /** The same of BF16. */
    static void addBf16(MemorySegment y, long yAt, float p, MemorySegment w, long wAt, int dim) {
        var factor = FloatVector.broadcast(LANES, p);
        for (int i = 0; i < dim; i += LANES.length()) {
            var sum = FloatVector.fromMemorySegment(LANES, y, yAt + 4L * i, LITTLE_ENDIAN);
            var row = Bf16.decode(ShortVector.fromMemorySegment(Bf16.HALVES, w, wAt + 2L * i, LITTLE_ENDIAN));
            factor.fma(row, sum).intoMemorySegment(y, yAt + 4L * i, LITTLE_ENDIAN);
        }
    }

    /** The same of E4M3 codes, times 2⁻¹²⁰. */
    static void addFp8(MemorySegment y, long yAt, float p, MemorySegment w, long wAt, int dim) {
        var factor = FloatVector.broadcast(LANES, p);
        for (int i = 0; i < dim; i += CODES.length()) {
            var codes = ByteVector.fromMemorySegment(CODES, w, wAt + i, LITTLE_ENDIAN);
            for (int part = 0; part * LANES.length() < CODES.length(); part++) { // two in vectors of 128 bits
                long at = yAt + 4L * (i + part * LANES.length());
                var row = ((IntVector) codes.convertShape(B2I, INTS, part))
                        .lanewise(LSHL, 20)
                        .and(FP8_BITS);
                factor.fma(row.reinterpretAsFloats(), FloatVector.fromMemorySegment(LANES, y, at, LITTLE_ENDIAN))
                        .intoMemorySegment(y, at, LITTLE_ENDIAN);
            }
        }
    }
}
