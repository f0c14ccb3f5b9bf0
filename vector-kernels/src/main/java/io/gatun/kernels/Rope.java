package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** Rotary positions (SPEC 2.3): neighbouring numbers are complex numbers, turned by the angle of their position. */
public final class Rope {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final VectorShuffle<Float> SWAPPED = VectorShuffle.fromOp(LANES, i -> i ^ 1);
    private static final VectorShuffle<Float> TWICE = VectorShuffle.fromOp(LANES, i -> i / 2);
    private static final VectorMask<Float> PAIRS = LANES.indexInRange(0, LANES.length() / 2);
    private static final FloatVector MINUS_PLUS =
            FloatVector.broadcast(LANES, -1).blend(1, VectorMask.fromLong(LANES, 0xaaaaaaaaaaaaaaaaL));

    private Rope() {}

    /**
     * Turns one row's heads in place: numbers {@code offset} to {@code offset + 2 * pairs} of each head. All f32.
     *
     * @param x [heads * headDim] from element {@code x0}
     * @param cos [pairs] from element {@code cos0}
     * @param sin [pairs] from element {@code sin0}
     * @param sign 1 forward, -1 back
     */
    public static void turn(
            MemorySegment x,
            long x0,
            MemorySegment cos,
            long cos0,
            MemorySegment sin,
            long sin0,
            int heads,
            int headDim,
            int offset,
            int pairs,
            float sign) {
        int step = LANES.length() / 2;
        int i = 0;
        for (; i <= pairs - step; i += step) {
            var c = FloatVector.fromMemorySegment(LANES, cos, Float.BYTES * (cos0 + i), LITTLE_ENDIAN, PAIRS)
                    .rearrange(TWICE);
            var s = FloatVector.fromMemorySegment(LANES, sin, Float.BYTES * (sin0 + i), LITTLE_ENDIAN, PAIRS)
                    .rearrange(TWICE)
                    .mul(MINUS_PLUS)
                    .mul(sign);
            for (int h = 0; h < heads; h++) {
                long at = Float.BYTES * (x0 + (long) h * headDim + offset + 2 * i);
                var v = FloatVector.fromMemorySegment(LANES, x, at, LITTLE_ENDIAN);
                v.mul(c).add(v.rearrange(SWAPPED).mul(s)).intoMemorySegment(x, at, LITTLE_ENDIAN);
            }
        }
        for (; i < pairs; i++) {
            float c = cos.getAtIndex(FLOAT, cos0 + i);
            float s = sign * sin.getAtIndex(FLOAT, sin0 + i);
            for (int h = 0; h < heads; h++) {
                long at = x0 + (long) h * headDim + offset + 2 * i;
                float re = x.getAtIndex(FLOAT, at);
                float im = x.getAtIndex(FLOAT, at + 1);
                x.setAtIndex(FLOAT, at, re * c - im * s);
                x.setAtIndex(FLOAT, at + 1, re * s + im * c);
            }
        }
    }
}
