package io.gatun.model.generate;

/**
 * Uniform random numbers: the hash of a counter, SplitMix64 (Steele, Lea and Flood 2014). Its whole state is one number, so
 * that a stream can be forked and drawing allocates nothing.
 */
final class RandomStream {
    private static final long GAMMA = 0x9e3779b97f4a7c15L; // odd, and its bits well mixed
    private long counter;

    /** Streams of neighbouring seeds have nothing in common. */
    RandomStream(long seed) {
        counter = mix(seed);
    }

    /** The next number, from 0 (included) to 1 (excluded), a multiple of 2⁻⁵³. */
    double next() {
        return (nextBits() >>> 11) * 0x1p-53;
    }

    /** Another stream, independent of what this one gives from now on. */
    RandomStream fork() {
        return new RandomStream(nextBits());
    }

    private long nextBits() {
        counter += GAMMA;
        return mix(counter);
    }

    private static long mix(long bits) {
        bits = (bits ^ bits >>> 30) * 0xbf58476d1ce4e5b9L;
        bits = (bits ^ bits >>> 27) * 0x94d049bb133111ebL;
        return bits ^ bits >>> 31;
    }
}
