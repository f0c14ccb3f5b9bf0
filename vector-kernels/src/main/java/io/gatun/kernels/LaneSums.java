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
            fold(lanes, at, count, 8, SWAP8, HIGH8);
            count /= 2;
        }
        if (LANES.length() > 4) {
            fold(lanes, at, count, 4, SWAP4, HIGH4);
            count /= 2;
        }
        fold(lanes, at, count, 2, SWAP2, HIGH2);
        fold(lanes, at, count / 2, 1, SWAP1, HIGH1);
    }

    /** Of every {@code 2 * distance} vectors, folds each of the first half with the one {@code distance} later. */
    private static void fold(
            MemorySegment lanes, long at, int count, int distance, VectorShuffle<Float> swap, VectorMask<Float> high) {
        int to = 0;
        for (int from = 0; from < count; from += 2 * distance) {
            for (int end = to + distance, i = from; to < end; i++, to++) {
                var a = FloatVector.fromMemorySegment(LANES, lanes, at + VECTOR * i, LITTLE_ENDIAN);
                var b = FloatVector.fromMemorySegment(LANES, lanes, at + VECTOR * (i + distance), LITTLE_ENDIAN);
                a.blend(b, high)
                        .add(b.blend(a, high).rearrange(swap))
                        .intoMemorySegment(lanes, at + VECTOR * to, LITTLE_ENDIAN);
            }
        }
    }
}
