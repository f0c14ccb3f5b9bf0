package io.gatun.trainer.data;

/**
 * A random order of {@code size} things, computed element by element without a table: a Feistel network over the next even
 * power of two, walked until it lands inside (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
 */
final class Permutation {
    private static final int ROUNDS = 6;

    private Permutation() {}

    /** Element {@code index} of the order that belongs to {@code key}; each of 0…size-1 comes exactly once. */
    static long at(long index, long size, long key) {
        int half = Math.max(1, (65 - Long.numberOfLeadingZeros(size - 1)) / 2);
        long mask = (1L << half) - 1;
        long value = index;
        do {
            long left = value >>> half, right = value & mask;
            for (int round = 0; round < ROUNDS; round++) {
                long swapped = left ^ (mix(key + round, right) & mask);
                left = right;
                right = swapped;
            }
            value = left << half | right;
        } while (value >= size);
        return value;
    }

    /** A hash of two numbers: the output function of SplitMix64 (Steele, Lea and Flood 2014), twice. */
    static long mix(long a, long b) {
        return scramble(scramble(a + 0x9E3779B97F4A7C15L) + b);
    }

    private static long scramble(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
