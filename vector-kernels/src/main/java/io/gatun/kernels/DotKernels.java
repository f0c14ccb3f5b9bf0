package io.gatun.kernels;

import static io.gatun.kernels.DotLoops.BLOCK;
import static io.gatun.kernels.DotLoops.FP8_FACTOR;
import static io.gatun.kernels.DotLoops.SCALED_BLOCK;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * What {@link VectorDotLoops} are made of: {@link DotLoops} for a few rows. They keep to the order that is stated there.
 *
 * <p>Loops over whole blocks have a constant count, and the rest of k a loop of its own: C2 makes such loops twice as fast.
 */
final class DotKernels {
    /** Rows of a weight that a kernel of one row of activations takes at once: streams that the memory serves side by side. */
    static final int STREAMS = 4;

    /** Rows of a weight that a tile takes at once: three by three sums leave room for their operands in 16 registers. */
    static final int OUTPUTS = 3;

    /** Rows of activations that a tile takes at once. */
    static final int TOKENS = 3;

    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int STEP = LANES.length();

    /** Bytes of a cell. */
    static final int CELL = STEP * Float.BYTES;

    private static final int FP8_BITS = 0x87f00000; // as in LaneOrder.fp8

    private DotKernels() {}

    /**
     * One block of one to three rows of x by one to three of w, added to their cells: {@code cells} of one x row lie side by side,
     * {@code cellStride} apart from the next row's. Missing rows repeat the last one, which is then stored again. The branches
     * that are never taken keep C2 from hoisting all loads, for which it has too few registers (see {@link GemmKernels}); with
     * four rows of w it spills in spite of them.
     *
     * @param depth numbers of the block, whole vectors
     * @param s0 the scale of the block for the first row of x, and so on
     * @param never negative, as {@code nor}, which the compiler must not know
     */
    static void tile(
            MemorySegment cells,
            long cell,
            long cellStride,
            MemorySegment x,
            long xAt,
            long xStride,
            MemorySegment w,
            long wAt,
            long wStride,
            int depth,
            int tokens,
            int outputs,
            float s0,
            float s1,
            float s2,
            int never,
            int nor) {
        var c00 = FloatVector.zero(LANES);
        FloatVector c01 = c00, c02 = c00, c10 = c00, c11 = c00, c12 = c00, c20 = c00, c21 = c00, c22 = c00;
        long x1 = tokens > 1 ? xAt + xStride : xAt;
        long x2 = tokens > 2 ? x1 + xStride : x1;
        long w1 = outputs > 1 ? wAt + wStride : wAt;
        long w2 = outputs > 2 ? w1 + wStride : w1;
        int steps = depth / STEP;
        for (int i = 0; i < steps; i++) {
            long p = (long) i * CELL;
            var a0 = FloatVector.fromMemorySegment(LANES, x, xAt + p, LITTLE_ENDIAN);
            var a1 = FloatVector.fromMemorySegment(LANES, x, x1 + p, LITTLE_ENDIAN);
            var a2 = FloatVector.fromMemorySegment(LANES, x, x2 + p, LITTLE_ENDIAN);
            var b0 = FloatVector.fromMemorySegment(LANES, w, wAt + p, LITTLE_ENDIAN);
            c00 = a0.fma(b0, c00);
            c10 = a1.fma(b0, c10);
            c20 = a2.fma(b0, c20);
            if (i == never) break;
            var b1 = FloatVector.fromMemorySegment(LANES, w, w1 + p, LITTLE_ENDIAN);
            c01 = a0.fma(b1, c01);
            c11 = a1.fma(b1, c11);
            c21 = a2.fma(b1, c21);
            if (i == nor) break;
            var b2 = FloatVector.fromMemorySegment(LANES, w, w2 + p, LITTLE_ENDIAN);
            c02 = a0.fma(b2, c02);
            c12 = a1.fma(b2, c12);
            c22 = a2.fma(b2, c22);
        }
        long o1 = outputs > 1 ? CELL : 0;
        long o2 = outputs > 2 ? o1 + CELL : o1;
        long r1 = tokens > 1 ? cell + cellStride : cell;
        long r2 = tokens > 2 ? r1 + cellStride : r1;
        // all cells are read before one is written: missing rows repeat the last
        var v0 = FloatVector.broadcast(LANES, s0);
        var v1 = FloatVector.broadcast(LANES, s1);
        var v2 = FloatVector.broadcast(LANES, s2);
        var d00 = c00.fma(v0, FloatVector.fromMemorySegment(LANES, cells, cell, LITTLE_ENDIAN));
        var d01 = c01.fma(v0, FloatVector.fromMemorySegment(LANES, cells, cell + o1, LITTLE_ENDIAN));
        var d02 = c02.fma(v0, FloatVector.fromMemorySegment(LANES, cells, cell + o2, LITTLE_ENDIAN));
        var d10 = c10.fma(v1, FloatVector.fromMemorySegment(LANES, cells, r1, LITTLE_ENDIAN));
        var d11 = c11.fma(v1, FloatVector.fromMemorySegment(LANES, cells, r1 + o1, LITTLE_ENDIAN));
        var d12 = c12.fma(v1, FloatVector.fromMemorySegment(LANES, cells, r1 + o2, LITTLE_ENDIAN));
        var d20 = c20.fma(v2, FloatVector.fromMemorySegment(LANES, cells, r2, LITTLE_ENDIAN));
        var d21 = c21.fma(v2, FloatVector.fromMemorySegment(LANES, cells, r2 + o1, LITTLE_ENDIAN));
        var d22 = c22.fma(v2, FloatVector.fromMemorySegment(LANES, cells, r2 + o2, LITTLE_ENDIAN));
        d00.intoMemorySegment(cells, cell, LITTLE_ENDIAN);
        d01.intoMemorySegment(cells, cell + o1, LITTLE_ENDIAN);
        d02.intoMemorySegment(cells, cell + o2, LITTLE_ENDIAN);
        d10.intoMemorySegment(cells, r1, LITTLE_ENDIAN);
        d11.intoMemorySegment(cells, r1 + o1, LITTLE_ENDIAN);
        d12.intoMemorySegment(cells, r1 + o2, LITTLE_ENDIAN);
        d20.intoMemorySegment(cells, r2, LITTLE_ENDIAN);
        d21.intoMemorySegment(cells, r2 + o1, LITTLE_ENDIAN);
        d22.intoMemorySegment(cells, r2 + o2, LITTLE_ENDIAN);
    }

    /**
     * All of one row of x by one to four rows of f32 weights where they lie, {@code wStride} apart; {@code k} is whole vectors. The
     * cells, {@code cellStep} apart, are written. Rows that are some way apart make four streams that each go on where they end,
     * which keeps the processor's prefetching busy: of FP8 weights it reads twice as many from memory as of neighbouring rows.
     */
    static void f32Row(
            MemorySegment cells,
            long cell,
            long cellStep,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            long wStride,
            int k,
            int outputs) {
        var c0 = FloatVector.zero(LANES);
        FloatVector c1 = c0, c2 = c0, c3 = c0;
        long w1 = outputs > 1 ? wAt + wStride : wAt;
        long w2 = outputs > 2 ? w1 + wStride : w1;
        long w3 = outputs > 3 ? w2 + wStride : w2;
        int whole = k / BLOCK * BLOCK;
        for (int from = 0; from < whole; from += BLOCK) {
            var p0 = FloatVector.zero(LANES);
            FloatVector p1 = p0, p2 = p0, p3 = p0;
            for (int j = 0; j < BLOCK; j += STEP) {
                int i = from + j;
                long p = 4L * i;
                var a = FloatVector.fromMemorySegment(LANES, x, xAt + p, LITTLE_ENDIAN);
                p0 = a.fma(FloatVector.fromMemorySegment(LANES, w, wAt + p, LITTLE_ENDIAN), p0);
                p1 = a.fma(FloatVector.fromMemorySegment(LANES, w, w1 + p, LITTLE_ENDIAN), p1);
                p2 = a.fma(FloatVector.fromMemorySegment(LANES, w, w2 + p, LITTLE_ENDIAN), p2);
                p3 = a.fma(FloatVector.fromMemorySegment(LANES, w, w3 + p, LITTLE_ENDIAN), p3);
            }
            c0 = p0.add(c0);
            c1 = p1.add(c1);
            c2 = p2.add(c2);
            c3 = p3.add(c3);
        }
        var p0 = FloatVector.zero(LANES);
        FloatVector p1 = p0, p2 = p0, p3 = p0;
        for (int i = whole; i < k; i += STEP) {
            long p = 4L * i;
            var a = FloatVector.fromMemorySegment(LANES, x, xAt + p, LITTLE_ENDIAN);
            p0 = a.fma(FloatVector.fromMemorySegment(LANES, w, wAt + p, LITTLE_ENDIAN), p0);
            p1 = a.fma(FloatVector.fromMemorySegment(LANES, w, w1 + p, LITTLE_ENDIAN), p1);
            p2 = a.fma(FloatVector.fromMemorySegment(LANES, w, w2 + p, LITTLE_ENDIAN), p2);
            p3 = a.fma(FloatVector.fromMemorySegment(LANES, w, w3 + p, LITTLE_ENDIAN), p3);
        }
        c0 = p0.add(c0);
        c1 = p1.add(c1);
        c2 = p2.add(c2);
        c3 = p3.add(c3);
        c3.intoMemorySegment(cells, outputs > 3 ? cell + 3 * cellStep : cell, LITTLE_ENDIAN);
        c2.intoMemorySegment(cells, outputs > 2 ? cell + 2 * cellStep : cell, LITTLE_ENDIAN);
        c1.intoMemorySegment(cells, outputs > 1 ? cell + cellStep : cell, LITTLE_ENDIAN);
        c0.intoMemorySegment(cells, cell, LITTLE_ENDIAN);
    }

    /** As {@link #f32Row}, of BF16 weights; {@code k} is whole chunks. */
    static void bf16Row(
            MemorySegment cells,
            long cell,
            long cellStep,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            long wStride,
            int k,
            int outputs) {
        var c0 = FloatVector.zero(LANES);
        FloatVector c1 = c0, c2 = c0, c3 = c0;
        long w1 = outputs > 1 ? wAt + wStride : wAt;
        long w2 = outputs > 2 ? w1 + wStride : w1;
        long w3 = outputs > 3 ? w2 + wStride : w2;
        int whole = k / BLOCK * BLOCK;
        for (int from = 0; from < whole; from += BLOCK) {
            var p0 = FloatVector.zero(LANES);
            FloatVector p1 = p0, p2 = p0, p3 = p0;
            for (int j = 0; j < BLOCK; j += 2 * STEP) {
                int i = from + j;
                long p = 2L * i, q = xAt + 4L * i;
                var b0 = IntVector.fromMemorySegment(INTS, w, wAt + p, LITTLE_ENDIAN);
                var b1 = IntVector.fromMemorySegment(INTS, w, w1 + p, LITTLE_ENDIAN);
                var b2 = IntVector.fromMemorySegment(INTS, w, w2 + p, LITTLE_ENDIAN);
                var b3 = IntVector.fromMemorySegment(INTS, w, w3 + p, LITTLE_ENDIAN);
                var even = FloatVector.fromMemorySegment(LANES, x, q, LITTLE_ENDIAN);
                p0 = even.fma(b0.lanewise(LSHL, 16).reinterpretAsFloats(), p0);
                p1 = even.fma(b1.lanewise(LSHL, 16).reinterpretAsFloats(), p1);
                p2 = even.fma(b2.lanewise(LSHL, 16).reinterpretAsFloats(), p2);
                p3 = even.fma(b3.lanewise(LSHL, 16).reinterpretAsFloats(), p3);
                var odd = FloatVector.fromMemorySegment(LANES, x, q + CELL, LITTLE_ENDIAN);
                p0 = odd.fma(b0.and(0xffff0000).reinterpretAsFloats(), p0);
                p1 = odd.fma(b1.and(0xffff0000).reinterpretAsFloats(), p1);
                p2 = odd.fma(b2.and(0xffff0000).reinterpretAsFloats(), p2);
                p3 = odd.fma(b3.and(0xffff0000).reinterpretAsFloats(), p3);
            }
            c0 = p0.add(c0);
            c1 = p1.add(c1);
            c2 = p2.add(c2);
            c3 = p3.add(c3);
        }
        var p0 = FloatVector.zero(LANES);
        FloatVector p1 = p0, p2 = p0, p3 = p0;
        for (int i = whole; i < k; i += 2 * STEP) {
            long p = 2L * i, q = xAt + 4L * i;
            var b0 = IntVector.fromMemorySegment(INTS, w, wAt + p, LITTLE_ENDIAN);
            var b1 = IntVector.fromMemorySegment(INTS, w, w1 + p, LITTLE_ENDIAN);
            var b2 = IntVector.fromMemorySegment(INTS, w, w2 + p, LITTLE_ENDIAN);
            var b3 = IntVector.fromMemorySegment(INTS, w, w3 + p, LITTLE_ENDIAN);
            var even = FloatVector.fromMemorySegment(LANES, x, q, LITTLE_ENDIAN);
            p0 = even.fma(b0.lanewise(LSHL, 16).reinterpretAsFloats(), p0);
            p1 = even.fma(b1.lanewise(LSHL, 16).reinterpretAsFloats(), p1);
            p2 = even.fma(b2.lanewise(LSHL, 16).reinterpretAsFloats(), p2);
            p3 = even.fma(b3.lanewise(LSHL, 16).reinterpretAsFloats(), p3);
            var odd = FloatVector.fromMemorySegment(LANES, x, q + CELL, LITTLE_ENDIAN);
            p0 = odd.fma(b0.and(0xffff0000).reinterpretAsFloats(), p0);
            p1 = odd.fma(b1.and(0xffff0000).reinterpretAsFloats(), p1);
            p2 = odd.fma(b2.and(0xffff0000).reinterpretAsFloats(), p2);
            p3 = odd.fma(b3.and(0xffff0000).reinterpretAsFloats(), p3);
        }
        c0 = p0.add(c0);
        c1 = p1.add(c1);
        c2 = p2.add(c2);
        c3 = p3.add(c3);
        c3.intoMemorySegment(cells, outputs > 3 ? cell + 3 * cellStep : cell, LITTLE_ENDIAN);
        c2.intoMemorySegment(cells, outputs > 2 ? cell + 2 * cellStep : cell, LITTLE_ENDIAN);
        c1.intoMemorySegment(cells, outputs > 1 ? cell + cellStep : cell, LITTLE_ENDIAN);
        c0.intoMemorySegment(cells, cell, LITTLE_ENDIAN);
    }

    /** As {@link #f32Row}, of E4M3 codes; {@code k} is whole chunks. The scales are in x already, see {@link #scale}. */
    static void fp8Row(
            MemorySegment cells,
            long cell,
            long cellStep,
            MemorySegment x,
            long xAt,
            MemorySegment w,
            long wAt,
            long wStride,
            int k,
            int outputs) {
        var c0 = FloatVector.zero(LANES);
        FloatVector c1 = c0, c2 = c0, c3 = c0;
        long w1 = outputs > 1 ? wAt + wStride : wAt;
        long w2 = outputs > 2 ? w1 + wStride : w1;
        long w3 = outputs > 3 ? w2 + wStride : w2;
        var factor = FloatVector.broadcast(LANES, FP8_FACTOR);
        int whole = k / BLOCK * BLOCK;
        for (int from = 0; from < whole; from += BLOCK) {
            var p0 = FloatVector.zero(LANES);
            FloatVector p1 = p0, p2 = p0, p3 = p0;
            for (int j = 0; j < BLOCK; j += 4 * STEP) {
                int i = from + j;
                long q = xAt + 4L * i;
                var b0 = IntVector.fromMemorySegment(INTS, w, wAt + i, LITTLE_ENDIAN);
                var b1 = IntVector.fromMemorySegment(INTS, w, w1 + i, LITTLE_ENDIAN);
                var b2 = IntVector.fromMemorySegment(INTS, w, w2 + i, LITTLE_ENDIAN);
                var b3 = IntVector.fromMemorySegment(INTS, w, w3 + i, LITTLE_ENDIAN);
                var a0 = FloatVector.fromMemorySegment(LANES, x, q, LITTLE_ENDIAN);
                p0 = a0.fma(
                        b0.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a0.fma(
                        b1.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a0.fma(
                        b2.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a0.fma(
                        b3.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
                var a1 = FloatVector.fromMemorySegment(LANES, x, q + CELL, LITTLE_ENDIAN);
                p0 = a1.fma(
                        b0.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a1.fma(
                        b1.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a1.fma(
                        b2.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a1.fma(
                        b3.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
                var a2 = FloatVector.fromMemorySegment(LANES, x, q + 2 * CELL, LITTLE_ENDIAN);
                p0 = a2.fma(b0.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a2.fma(b1.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a2.fma(b2.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a2.fma(b3.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
                var a3 = FloatVector.fromMemorySegment(LANES, x, q + 3 * CELL, LITTLE_ENDIAN);
                p0 = a3.fma(b0.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a3.fma(b1.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a3.fma(b2.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a3.fma(b3.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
            }
            c0 = p0.fma(factor, c0);
            c1 = p1.fma(factor, c1);
            c2 = p2.fma(factor, c2);
            c3 = p3.fma(factor, c3);
        }
        var p0 = FloatVector.zero(LANES);
        FloatVector p1 = p0, p2 = p0, p3 = p0;
        for (int i = whole; i < k; i += 4 * STEP) {
            long q = xAt + 4L * i;
            var b0 = IntVector.fromMemorySegment(INTS, w, wAt + i, LITTLE_ENDIAN);
            var b1 = IntVector.fromMemorySegment(INTS, w, w1 + i, LITTLE_ENDIAN);
            var b2 = IntVector.fromMemorySegment(INTS, w, w2 + i, LITTLE_ENDIAN);
            var b3 = IntVector.fromMemorySegment(INTS, w, w3 + i, LITTLE_ENDIAN);
            var a0 = FloatVector.fromMemorySegment(LANES, x, q, LITTLE_ENDIAN);
            p0 = a0.fma(b0.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
            p1 = a0.fma(b1.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
            p2 = a0.fma(b2.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
            p3 = a0.fma(b3.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
            var a1 = FloatVector.fromMemorySegment(LANES, x, q + CELL, LITTLE_ENDIAN);
            p0 = a1.fma(b0.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
            p1 = a1.fma(b1.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
            p2 = a1.fma(b2.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
            p3 = a1.fma(b3.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
            var a2 = FloatVector.fromMemorySegment(LANES, x, q + 2 * CELL, LITTLE_ENDIAN);
            p0 = a2.fma(b0.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
            p1 = a2.fma(b1.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
            p2 = a2.fma(b2.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
            p3 = a2.fma(b3.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
            var a3 = FloatVector.fromMemorySegment(LANES, x, q + 3 * CELL, LITTLE_ENDIAN);
            p0 = a3.fma(b0.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
            p1 = a3.fma(b1.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
            p2 = a3.fma(b2.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
            p3 = a3.fma(b3.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
        }
        c0 = p0.fma(factor, c0);
        c1 = p1.fma(factor, c1);
        c2 = p2.fma(factor, c2);
        c3 = p3.fma(factor, c3);
        c3.intoMemorySegment(cells, outputs > 3 ? cell + 3 * cellStep : cell, LITTLE_ENDIAN);
        c2.intoMemorySegment(cells, outputs > 2 ? cell + 2 * cellStep : cell, LITTLE_ENDIAN);
        c1.intoMemorySegment(cells, outputs > 1 ? cell + cellStep : cell, LITTLE_ENDIAN);
        c0.intoMemorySegment(cells, cell, LITTLE_ENDIAN);
    }

    /**
     * As {@link #f32Row}, of E4M3 codes with codes; {@code k} is whole blocks. Block b has the scale {@code xScales[b] · wScales[b]}; the four
     * rows share the weight's.
     */
    static void fp8ScaledRow(
            MemorySegment cells,
            long cell,
            long cellStep,
            MemorySegment x,
            long xAt,
            MemorySegment xScales,
            long xScale,
            MemorySegment w,
            long wAt,
            long wStride,
            MemorySegment wScales,
            long wScale,
            int k,
            int outputs) {
        var c0 = FloatVector.zero(LANES);
        FloatVector c1 = c0, c2 = c0, c3 = c0;
        long w1 = outputs > 1 ? wAt + wStride : wAt;
        long w2 = outputs > 2 ? w1 + wStride : w1;
        long w3 = outputs > 3 ? w2 + wStride : w2;
        for (int from = 0; from < k; from += SCALED_BLOCK) {
            var p0 = FloatVector.zero(LANES);
            FloatVector p1 = p0, p2 = p0, p3 = p0;
            for (int j = 0; j < SCALED_BLOCK; j += 4 * STEP) {
                int i = from + j;
                long q = xAt + 4L * i;
                var b0 = IntVector.fromMemorySegment(INTS, w, wAt + i, LITTLE_ENDIAN);
                var b1 = IntVector.fromMemorySegment(INTS, w, w1 + i, LITTLE_ENDIAN);
                var b2 = IntVector.fromMemorySegment(INTS, w, w2 + i, LITTLE_ENDIAN);
                var b3 = IntVector.fromMemorySegment(INTS, w, w3 + i, LITTLE_ENDIAN);
                var a0 = FloatVector.fromMemorySegment(LANES, x, q, LITTLE_ENDIAN);
                p0 = a0.fma(
                        b0.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a0.fma(
                        b1.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a0.fma(
                        b2.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a0.fma(
                        b3.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
                var a1 = FloatVector.fromMemorySegment(LANES, x, q + CELL, LITTLE_ENDIAN);
                p0 = a1.fma(
                        b0.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a1.fma(
                        b1.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a1.fma(
                        b2.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a1.fma(
                        b3.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
                var a2 = FloatVector.fromMemorySegment(LANES, x, q + 2 * CELL, LITTLE_ENDIAN);
                p0 = a2.fma(b0.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a2.fma(b1.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a2.fma(b2.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a2.fma(b3.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
                var a3 = FloatVector.fromMemorySegment(LANES, x, q + 3 * CELL, LITTLE_ENDIAN);
                p0 = a3.fma(b0.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p0);
                p1 = a3.fma(b1.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p1);
                p2 = a3.fma(b2.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p2);
                p3 = a3.fma(b3.lanewise(ASHR, 4).and(FP8_BITS).reinterpretAsFloats(), p3);
            }
            long s = from / SCALED_BLOCK * 4L;
            var scale = FloatVector.broadcast(LANES, xScales.get(FLOAT, xScale + s) * wScales.get(FLOAT, wScale + s));
            c0 = p0.fma(scale, c0);
            c1 = p1.fma(scale, c1);
            c2 = p2.fma(scale, c2);
            c3 = p3.fma(scale, c3);
        }
        c3.intoMemorySegment(cells, outputs > 3 ? cell + 3 * cellStep : cell, LITTLE_ENDIAN);
        c2.intoMemorySegment(cells, outputs > 2 ? cell + 2 * cellStep : cell, LITTLE_ENDIAN);
        c1.intoMemorySegment(cells, outputs > 1 ? cell + cellStep : cell, LITTLE_ENDIAN);
        c0.intoMemorySegment(cells, cell, LITTLE_ENDIAN);
    }

    /** Writes {@code x · scales}, {@code depth} numbers, whole vectors, each 128 of them with a scale of their own. */
    static void scale(
            MemorySegment to, long at, MemorySegment x, long xAt, int depth, MemorySegment scales, long scalesAt) {
        for (int from = 0; from < depth; from += SCALED_BLOCK) {
            int end = Math.min(from + SCALED_BLOCK, depth);
            float scale = scales.get(FLOAT, scalesAt + from / SCALED_BLOCK * 4L);
            for (int i = from; i < end; i += STEP) {
                FloatVector.fromMemorySegment(LANES, x, xAt + 4L * i, LITTLE_ENDIAN)
                        .mul(scale)
                        .intoMemorySegment(to, at + 4L * i, LITTLE_ENDIAN);
            }
        }
    }

    /** Clears {@code count} cells. */
    static void clear(MemorySegment cells, long at, int count) {
        var zero = FloatVector.zero(LANES);
        for (int i = 0; i < count * STEP; i += STEP) zero.intoMemorySegment(cells, at + 4L * i, LITTLE_ENDIAN);
    }

    /** Folds {@code count} cells that lie side by side, and as many behind them as fill a vector, into numbers that are written or added. */
    static void fold(MemorySegment y, long yAt, MemorySegment cells, long at, int count, boolean add) {
        LaneSums.of(cells, at, Math.ceilDiv(count, STEP) * STEP);
        int whole = count / STEP * STEP;
        if (add) {
            for (int i = 0; i < whole; i += STEP) {
                FloatVector.fromMemorySegment(LANES, cells, at + 4L * i, LITTLE_ENDIAN)
                        .add(FloatVector.fromMemorySegment(LANES, y, yAt + 4L * i, LITTLE_ENDIAN))
                        .intoMemorySegment(y, yAt + 4L * i, LITTLE_ENDIAN);
            }
            for (int i = whole; i < count; i++) {
                y.set(FLOAT, yAt + 4L * i, y.get(FLOAT, yAt + 4L * i) + cells.get(FLOAT, at + 4L * i));
            }
            return;
        }
        MemorySegment.copy(cells, at, y, yAt, 4L * count);
    }
}
