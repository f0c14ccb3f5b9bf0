package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * BF16, the upper half of an f32: conversions round to nearest, ties to even; what is too large becomes infinite, and NaN stays
 * NaN. Offsets count bytes.
 */
public final class Bf16 {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(LANES.vectorBitSize() / 2));
    private static final int STEP = LANES.length();

    private static final int QUIET = 0x400000; // keeps a NaN a NaN when its lower half is cut off

    private Bf16() {}

    /** The BF16 nearest to {@code x}. */
    public static short encode(float x) {
        return (short) (round(Float.floatToRawIntBits(x), x != x) >>> 16);
    }

    /** The value of a BF16. */
    public static float decode(short bf16) {
        return Float.intBitsToFloat(bf16 << 16);
    }

    private static int round(int bits, boolean nan) {
        return nan ? bits | QUIET : bits + 0x7fff + (bits >>> 16 & 1);
    }

    /** {@code y[i] =} the BF16 nearest to {@code x[i]}, kept as f32; {@code y} may be {@code x}. */
    public static void round(MemorySegment y, long yAt, MemorySegment x, long xAt, int count) {
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            long at = (long) i * 4;
            var rounded = rounded(FloatVector.fromMemorySegment(LANES, x, xAt + at, LITTLE_ENDIAN));
            rounded.and(0xffff0000).reinterpretAsFloats().intoMemorySegment(y, yAt + at, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            long at = (long) i * 4;
            y.set(JAVA_FLOAT_UNALIGNED, yAt + at, decode(encode(x.get(JAVA_FLOAT_UNALIGNED, xAt + at))));
        }
    }

    /** {@code bf16[i] =} the BF16 nearest to {@code x[i]}, two bytes each. */
    public static void encode(MemorySegment bf16, long bf16At, MemorySegment x, long xAt, int count) {
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            var a = FloatVector.fromMemorySegment(LANES, x, xAt + (long) i * 4, LITTLE_ENDIAN);
            encode(a).intoMemorySegment(bf16, bf16At + (long) i * 2, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            bf16.set(
                    JAVA_SHORT_UNALIGNED,
                    bf16At + (long) i * 2,
                    encode(x.get(JAVA_FLOAT_UNALIGNED, xAt + (long) i * 4)));
        }
    }

    /** {@code y[i] =} the value of {@code bf16[i]} as f32, exact. */
    public static void decode(MemorySegment y, long yAt, MemorySegment bf16, long bf16At, int count) {
        int i = 0;
        for (; i <= count - STEP; i += STEP) {
            var halves = ShortVector.fromMemorySegment(HALVES, bf16, bf16At + (long) i * 2, LITTLE_ENDIAN);
            decode(halves).intoMemorySegment(y, yAt + (long) i * 4, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            y.set(
                    JAVA_FLOAT_UNALIGNED,
                    yAt + (long) i * 4,
                    decode(bf16.get(JAVA_SHORT_UNALIGNED, bf16At + (long) i * 2)));
        }
    }

    static FloatVector decode(ShortVector halves) {
        var ints = (IntVector) halves.convertShape(S2I, INTS, 0);
        return ints.lanewise(LSHL, 16).reinterpretAsFloats();
    }

    static ShortVector encode(FloatVector x) {
        return (ShortVector) rounded(x).lanewise(LSHR, 16).convertShape(I2S, HALVES, 0);
    }

    private static IntVector rounded(FloatVector x) {
        var bits = x.reinterpretAsInts();
        var nearest = bits.lanewise(LSHR, 16).and(1).add(0x7fff).add(bits);
        return nearest.blend(bits.or(QUIET), x.compare(NE, x).cast(INTS));
    }
}
