package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The order in which {@link DotLoops} walk a row. A 32-bit lane holds {@code group} neighbouring numbers of a weight: one of F32,
 * two of BF16, four of FP8. A chunk is one vector of lanes; number {@code group · lane + j} of it comes as lane {@code lane} of
 * the chunk's vector {@code j}. Rows are written here as f32 in that order, filled up with zeros to whole chunks. Offsets count
 * bytes, counts numbers; source and target are apart.
 */
final class LaneOrder {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();
    private static final int BYTES = STEP * Float.BYTES;
    private static final int FP8_BITS =
            0x87f00000; // where sign, exponent and mantissa of an E4M3 code belong in an f32
    private static final VectorShuffle<Float> EVEN = VectorShuffle.fromOp(LANES, lane -> 2 * lane % LANES.length());
    private static final VectorShuffle<Float> ODD =
            VectorShuffle.fromOp(LANES, lane -> (2 * lane + 1) % LANES.length());
    private static final VectorMask<Float> UPPER =
            LANES.indexInRange(0, STEP / 2).not();

    private LaneOrder() {}

    /** Numbers of a chunk. */
    static int chunk(int group) {
        return group * STEP;
    }

    /** {@code count} filled up to whole chunks. */
    static int padded(int count, int group) {
        return Math.ceilDiv(count, chunk(group)) * chunk(group);
    }

    /** Writes the row {@code x} of f32 numbers, each times {@code factor}. */
    static void reorder(MemorySegment to, long at, MemorySegment x, long xAt, int count, int group, float factor) {
        int done = count / chunk(group) * chunk(group);
        switch (group) {
            case 1 -> singles(to, at, x, xAt, done, factor);
            case 2 -> pairs(to, at, x, xAt, done, factor);
            default -> quads(to, at, x, xAt, done, factor);
        }
        if (done == count) return;
        clearChunk(to, at + 4L * done, group);
        for (int i = done; i < count; i++) {
            float value = x.get(JAVA_FLOAT_UNALIGNED, xAt + 4L * i) * factor;
            to.set(JAVA_FLOAT_UNALIGNED, at + 4L * (done + place(i - done, group)), value);
        }
    }

    /** Where number {@code i} of a chunk goes. */
    static int place(int i, int group) {
        return i % group * STEP + i / group;
    }

    private static void clearChunk(MemorySegment to, long at, int group) {
        for (int i = 0; i < chunk(group); i++) to.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, 0);
    }

    private static void singles(MemorySegment to, long at, MemorySegment x, long xAt, int count, float factor) {
        for (int i = 0; i < count; i += STEP) {
            FloatVector.fromMemorySegment(LANES, x, xAt + 4L * i, LITTLE_ENDIAN)
                    .mul(factor)
                    .intoMemorySegment(to, at + 4L * i, LITTLE_ENDIAN);
        }
    }

    private static void pairs(MemorySegment to, long at, MemorySegment x, long xAt, int count, float factor) {
        for (int i = 0; i < count; i += 2 * STEP) {
            long p = xAt + 4L * i, q = at + 4L * i;
            var a = FloatVector.fromMemorySegment(LANES, x, p, LITTLE_ENDIAN).mul(factor);
            var b = FloatVector.fromMemorySegment(LANES, x, p + BYTES, LITTLE_ENDIAN)
                    .mul(factor);
            a.rearrange(EVEN).blend(b.rearrange(EVEN), UPPER).intoMemorySegment(to, q, LITTLE_ENDIAN);
            a.rearrange(ODD).blend(b.rearrange(ODD), UPPER).intoMemorySegment(to, q + BYTES, LITTLE_ENDIAN);
        }
    }

    private static void quads(MemorySegment to, long at, MemorySegment x, long xAt, int count, float factor) {
        for (int i = 0; i < count; i += 4 * STEP) {
            long p = xAt + 4L * i, q = at + 4L * i;
            var a = FloatVector.fromMemorySegment(LANES, x, p, LITTLE_ENDIAN).mul(factor);
            var b = FloatVector.fromMemorySegment(LANES, x, p + BYTES, LITTLE_ENDIAN)
                    .mul(factor);
            var c = FloatVector.fromMemorySegment(LANES, x, p + 2 * BYTES, LITTLE_ENDIAN)
                    .mul(factor);
            var d = FloatVector.fromMemorySegment(LANES, x, p + 3 * BYTES, LITTLE_ENDIAN)
                    .mul(factor);
            var evenLow = a.rearrange(EVEN).blend(b.rearrange(EVEN), UPPER);
            var evenHigh = c.rearrange(EVEN).blend(d.rearrange(EVEN), UPPER);
            var oddLow = a.rearrange(ODD).blend(b.rearrange(ODD), UPPER);
            var oddHigh = c.rearrange(ODD).blend(d.rearrange(ODD), UPPER);
            evenLow.rearrange(EVEN).blend(evenHigh.rearrange(EVEN), UPPER).intoMemorySegment(to, q, LITTLE_ENDIAN);
            oddLow.rearrange(EVEN)
                    .blend(oddHigh.rearrange(EVEN), UPPER)
                    .intoMemorySegment(to, q + BYTES, LITTLE_ENDIAN);
            evenLow.rearrange(ODD)
                    .blend(evenHigh.rearrange(ODD), UPPER)
                    .intoMemorySegment(to, q + 2 * BYTES, LITTLE_ENDIAN);
            oddLow.rearrange(ODD)
                    .blend(oddHigh.rearrange(ODD), UPPER)
                    .intoMemorySegment(to, q + 3 * BYTES, LITTLE_ENDIAN);
        }
    }

    /** Writes a row of BF16 numbers. */
    static void bf16(MemorySegment to, long at, MemorySegment w, long wAt, int count) {
        int done = count / (2 * STEP) * (2 * STEP);
        for (int i = 0; i < done; i += 2 * STEP) {
            var both = IntVector.fromMemorySegment(INTS, w, wAt + 2L * i, LITTLE_ENDIAN);
            long q = at + 4L * i;
            both.lanewise(LSHL, 16).intoMemorySegment(to, q, LITTLE_ENDIAN);
            both.and(0xffff0000).intoMemorySegment(to, q + BYTES, LITTLE_ENDIAN);
        }
        if (done == count) return;
        clearChunk(to, at + 4L * done, 2);
        for (int i = done; i < count; i++) {
            int bits = w.get(JAVA_SHORT_UNALIGNED, wAt + 2L * i) << 16;
            to.set(JAVA_INT_UNALIGNED, at + 4L * (done + place(i - done, 2)), bits);
        }
    }

    /** Writes a row of E4M3 codes, their values times 2⁻¹²⁰ ({@link DotLoops#FP8_FACTOR}): exact, also for denormal codes; NaN comes out as a number, 480. */
    static void fp8(MemorySegment to, long at, MemorySegment w, long wAt, int count) {
        int done = count / (4 * STEP) * (4 * STEP);
        for (int i = 0; i < done; i += 4 * STEP) {
            var four = IntVector.fromMemorySegment(INTS, w, wAt + i, LITTLE_ENDIAN);
            long q = at + 4L * i;
            four.lanewise(LSHL, 24).lanewise(ASHR, 4).and(FP8_BITS).intoMemorySegment(to, q, LITTLE_ENDIAN);
            four.lanewise(LSHL, 16).lanewise(ASHR, 4).and(FP8_BITS).intoMemorySegment(to, q + BYTES, LITTLE_ENDIAN);
            four.lanewise(LSHL, 8).lanewise(ASHR, 4).and(FP8_BITS).intoMemorySegment(to, q + 2 * BYTES, LITTLE_ENDIAN);
            four.lanewise(ASHR, 4).and(FP8_BITS).intoMemorySegment(to, q + 3 * BYTES, LITTLE_ENDIAN);
        }
        if (done == count) return;
        clearChunk(to, at + 4L * done, 4);
        for (int i = done; i < count; i++) {
            int bits = w.get(JAVA_BYTE, wAt + i) << 24 >> 4 & FP8_BITS;
            to.set(JAVA_INT_UNALIGNED, at + 4L * (done + place(i - done, 4)), bits);
        }
    }
}
