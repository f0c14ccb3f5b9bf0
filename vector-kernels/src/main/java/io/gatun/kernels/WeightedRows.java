package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code Y += P C}: rows of C, weighted and summed, for a few rows of Y: the contexts of heads over a block of positions, or rows of
 * a weight times a batch from the left. An element of Y takes one fused multiply-add for each row of C, in their order: its bits
 * depend on neither the other rows and columns nor how C is cut. All f32, row-major; places and steps between rows count bytes.
 */
final class WeightedRows {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private WeightedRows() {}

    /**
     * Adds to {@code y} [queries, dim].
     *
     * @param p [queries, rows]
     * @param c [rows, dim]
     */
    static void add(
            MemorySegment y,
            long yAt,
            long yStep,
            int queries,
            MemorySegment p,
            long pAt,
            long pStep,
            MemorySegment c,
            long cAt,
            long cStep,
            int rows,
            int dim) {
        int j = 0;
        for (; j <= rows - 4; j += 4) { // four rows of C stay in the first cache
            for (int i = 0; i < queries; i += 2) {
                int other = Math.min(i + 1, queries - 1); // of a last odd one, both of the pair are the same
                addFour(
                        y,
                        yAt + i * yStep,
                        yAt + other * yStep,
                        p,
                        pAt + i * pStep + 4L * j,
                        pAt + other * pStep + 4L * j,
                        c,
                        cAt + j * cStep,
                        cStep,
                        dim);
            }
        }
        for (; j < rows; j++) {
            for (int i = 0; i < queries; i++) {
                addOne(y, yAt + i * yStep, p.get(FLOAT, pAt + i * pStep + 4L * j), c, cAt + j * cStep, dim);
            }
        }
    }

    private static void addFour(
            MemorySegment y,
            long y0,
            long y1,
            MemorySegment p,
            long p0,
            long p1,
            MemorySegment c,
            long c0,
            long step,
            int dim) {
        long c1 = c0 + step;
        long c2 = c1 + step;
        long c3 = c2 + step;
        float f0 = p.get(FLOAT, p0), f1 = p.get(FLOAT, p0 + 4), f2 = p.get(FLOAT, p0 + 8), f3 = p.get(FLOAT, p0 + 12);
        float g0 = p.get(FLOAT, p1), g1 = p.get(FLOAT, p1 + 4), g2 = p.get(FLOAT, p1 + 8), g3 = p.get(FLOAT, p1 + 12);
        var a0 = FloatVector.broadcast(LANES, f0);
        var a1 = FloatVector.broadcast(LANES, f1);
        var a2 = FloatVector.broadcast(LANES, f2);
        var a3 = FloatVector.broadcast(LANES, f3);
        var b0 = FloatVector.broadcast(LANES, g0);
        var b1 = FloatVector.broadcast(LANES, g1);
        var b2 = FloatVector.broadcast(LANES, g2);
        var b3 = FloatVector.broadcast(LANES, g3);
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            var a = FloatVector.fromMemorySegment(LANES, y, y0 + 4L * i, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, y, y1 + 4L * i, LITTLE_ENDIAN);
            var w = FloatVector.fromMemorySegment(LANES, c, c0 + 4L * i, LITTLE_ENDIAN);
            a = a0.fma(w, a);
            b = b0.fma(w, b);
            w = FloatVector.fromMemorySegment(LANES, c, c1 + 4L * i, LITTLE_ENDIAN);
            a = a1.fma(w, a);
            b = b1.fma(w, b);
            w = FloatVector.fromMemorySegment(LANES, c, c2 + 4L * i, LITTLE_ENDIAN);
            a = a2.fma(w, a);
            b = b2.fma(w, b);
            w = FloatVector.fromMemorySegment(LANES, c, c3 + 4L * i, LITTLE_ENDIAN);
            a3.fma(w, a).intoMemorySegment(y, y0 + 4L * i, LITTLE_ENDIAN);
            b3.fma(w, b).intoMemorySegment(y, y1 + 4L * i, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            float w0 = c.get(FLOAT, c0 + 4L * i), w1 = c.get(FLOAT, c1 + 4L * i);
            float w2 = c.get(FLOAT, c2 + 4L * i), w3 = c.get(FLOAT, c3 + 4L * i);
            float a = y.get(FLOAT, y0 + 4L * i), b = y.get(FLOAT, y1 + 4L * i);
            y.set(FLOAT, y0 + 4L * i, Math.fma(f3, w3, Math.fma(f2, w2, Math.fma(f1, w1, Math.fma(f0, w0, a)))));
            y.set(FLOAT, y1 + 4L * i, Math.fma(g3, w3, Math.fma(g2, w2, Math.fma(g1, w1, Math.fma(g0, w0, b)))));
        }
    }

    private static void addOne(MemorySegment y, long yAt, float p, MemorySegment c, long cAt, int dim) {
        var factor = FloatVector.broadcast(LANES, p);
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            var sum = FloatVector.fromMemorySegment(LANES, y, yAt + 4L * i, LITTLE_ENDIAN);
            factor.fma(FloatVector.fromMemorySegment(LANES, c, cAt + 4L * i, LITTLE_ENDIAN), sum)
                    .intoMemorySegment(y, yAt + 4L * i, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            y.set(FLOAT, yAt + 4L * i, Math.fma(p, c.get(FLOAT, cAt + 4L * i), y.get(FLOAT, yAt + 4L * i)));
        }
    }
}
