package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.OR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

/** Loops that do one thing only, to find out how fast a machine can do it: the roofs that kernels are measured against. */
public final class Roofs {
    /** Memory is read in pieces of this many bytes: an int counts within, and few ends of loops cost little. */
    public static final int PIECE = 1 << 16;

    /** Multiplications and additions of a round of {@link #multiplyAdd}: twelve chains hide the latency. */
    public static final int OPERATIONS_PER_ROUND = 12 * 2 * FloatVector.SPECIES_PREFERRED.length();

    private static final VectorSpecies<Long> WORDS = LongVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int STEP = WORDS.vectorByteSize();

    private Roofs() {}

    /** The bits of the vectors that kernels use here. */
    public static int vectorBits() {
        return LANES.vectorBitSize();
    }

    /**
     * Reads every byte once, four vectors in flight: the OR of all words.
     *
     * @param at the first byte
     * @param pieces how many times {@link #PIECE} bytes
     */
    public static long read(MemorySegment memory, long at, int pieces) {
        var a = LongVector.zero(WORDS);
        var b = a;
        var c = a;
        var d = a;
        for (int piece = 0; piece < pieces; piece++) {
            long start = at + (long) PIECE * piece;
            for (int i = 0; i < PIECE; i += 4 * STEP) {
                a = LongVector.fromMemorySegment(WORDS, memory, start + i, LITTLE_ENDIAN)
                        .or(a);
                b = LongVector.fromMemorySegment(WORDS, memory, start + i + STEP, LITTLE_ENDIAN)
                        .or(b);
                c = LongVector.fromMemorySegment(WORDS, memory, start + i + 2 * STEP, LITTLE_ENDIAN)
                        .or(c);
                d = LongVector.fromMemorySegment(WORDS, memory, start + i + 3 * STEP, LITTLE_ENDIAN)
                        .or(d);
            }
        }
        return a.or(b).or(c.or(d)).reduceLanes(OR);
    }

    /** {@link #OPERATIONS_PER_ROUND} FP32 operations a round, on registers only; a number that depends on all of them. */
    public static float multiplyAdd(int rounds) {
        var x = FloatVector.broadcast(LANES, 1e-3f);
        var y = FloatVector.broadcast(LANES, 1e-4f);
        var c0 = FloatVector.zero(LANES);
        var c1 = c0;
        var c2 = c0;
        var c3 = c0;
        var c4 = c0;
        var c5 = c0;
        var c6 = c0;
        var c7 = c0;
        var c8 = c0;
        var c9 = c0;
        var c10 = c0;
        var c11 = c0;
        for (int round = 0; round < rounds; round++) {
            c0 = x.fma(y, c0);
            c1 = x.fma(y, c1);
            c2 = x.fma(y, c2);
            c3 = x.fma(y, c3);
            c4 = x.fma(y, c4);
            c5 = x.fma(y, c5);
            c6 = x.fma(y, c6);
            c7 = x.fma(y, c7);
            c8 = x.fma(y, c8);
            c9 = x.fma(y, c9);
            c10 = x.fma(y, c10);
            c11 = x.fma(y, c11);
        }
        var low = c5.add(c4.add(c3.add(c2.add(c1.add(c0)))));
        return c11.add(c10.add(c9.add(c8.add(c7.add(c6.add(low)))))).lane(0);
    }
}
