package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** The arithmetic of AVX512_BF16 and AMX_BF16 as Intel documents it: denormals in and out are zero, rounding is to even. */
final class Bf16Pairs {
    private Bf16Pairs() {}

    /** The upper element of the pair at {@code at}. */
    static float odd(MemorySegment pairs, long at) {
        return Float.intBitsToFloat(pairs.get(JAVA_INT_UNALIGNED, at) & 0xffff_0000);
    }

    /** The lower element of the pair at {@code at}. */
    static float even(MemorySegment pairs, long at) {
        return Float.intBitsToFloat(pairs.get(JAVA_INT_UNALIGNED, at) << 16);
    }

    static float fma(float a, float b, float sum) {
        return flush(Math.fma(flush(a), flush(b), flush(sum)));
    }

    static float add(float a, float b) {
        return flush(flush(a) + flush(b));
    }

    /** f32 to bf16. */
    static short round(float value) {
        int bits = Float.floatToRawIntBits(flush(value));
        if (Float.isNaN(value)) return (short) (bits >>> 16 | 0x40); // quiet
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    private static float flush(float value) {
        return Math.abs(value) < Float.MIN_NORMAL ? Math.copySign(0f, value) : value;
    }
}
