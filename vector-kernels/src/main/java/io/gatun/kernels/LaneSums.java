package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of the lanes of many vectors at a time, with the bits of {@link LaneSum}: two vectors are folded into one that holds half
 * of the sums of each, until one vector holds as many sums as it has lanes. Half the work of one sum after another.
 */
final class LaneSums {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final long VECTOR = LANES.vectorByteSize();
    private static final VectorShuffle<Float> SWAP8 = swapped(8),
            SWAP4 = swapped(4),
            SWAP2 = swapped(2),
            SWAP1 = swapped(1);
    private static final VectorMask<Float> HIGH8 = high(0xff00),
            HIGH4 = high(0xf0f0),
            HIGH2 = high(0xcccc),
            HIGH1 = high(0xaaaa);

    private LaneSums() {}

    private static VectorShuffle<Float> swapped(int distance) {
        return VectorShuffle.fromOp(LANES, lane -> (lane ^ distance) % LANES.length());
    }

    private static VectorMask<Float> high(long lanes) {
        return VectorMask.fromLong(LANES, lanes);
    }

    /**
     * Replaces vectors by their sums: {@code count} vectors from byte {@code at} become {@code count} floats there.
     *
     * @param count a multiple of the number of lanes
     */
    static void of(MemorySegment lanes, long at, int count) {
        if (LANES.length() > 8) {
            fold8(lanes, at, count);
            count /= 2;
        }
        if (LANES.length() > 4) {
            fold4(lanes, at, count);
            count /= 2;
        }
        fold2(lanes, at, count);
        fold1(lanes, at, count / 2);
    }

    private static void fold8(MemorySegment lanes, long at, int count) {
        for (int i = 0; i < count / 2; i++) {
            long from = at + VECTOR * (i + i / 8 * 8);
            var a = FloatVector.fromMemorySegment(LANES, lanes, from, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, lanes, from + 8 * VECTOR, LITTLE_ENDIAN);
            a.blend(b, HIGH8)
                    .add(b.blend(a, HIGH8).rearrange(SWAP8))
                    .intoMemorySegment(lanes, at + VECTOR * i, LITTLE_ENDIAN);
        }
    }

    private static void fold4(MemorySegment lanes, long at, int count) {
        for (int i = 0; i < count / 2; i++) {
            long from = at + VECTOR * (i + i / 4 * 4);
            var a = FloatVector.fromMemorySegment(LANES, lanes, from, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, lanes, from + 4 * VECTOR, LITTLE_ENDIAN);
            a.blend(b, HIGH4)
                    .add(b.blend(a, HIGH4).rearrange(SWAP4))
                    .intoMemorySegment(lanes, at + VECTOR * i, LITTLE_ENDIAN);
        }
    }

    private static void fold2(MemorySegment lanes, long at, int count) {
        for (int i = 0; i < count / 2; i++) {
            long from = at + VECTOR * (i + i / 2 * 2);
            var a = FloatVector.fromMemorySegment(LANES, lanes, from, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, lanes, from + 2 * VECTOR, LITTLE_ENDIAN);
            a.blend(b, HIGH2)
                    .add(b.blend(a, HIGH2).rearrange(SWAP2))
                    .intoMemorySegment(lanes, at + VECTOR * i, LITTLE_ENDIAN);
        }
    }

    private static void fold1(MemorySegment lanes, long at, int count) {
        for (int i = 0; i < count / 2; i++) {
            long from = at + VECTOR * 2 * i;
            var a = FloatVector.fromMemorySegment(LANES, lanes, from, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, lanes, from + VECTOR, LITTLE_ENDIAN);
            a.blend(b, HIGH1)
                    .add(b.blend(a, HIGH1).rearrange(SWAP1))
                    .intoMemorySegment(lanes, at + VECTOR * i, LITTLE_ENDIAN);
        }
    }
}
