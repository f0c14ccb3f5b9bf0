package io.gatun.model.generate;

/** The best of many tokens by score, the lower id first where scores are equal; made once, filled again and again. */
final class Ranking {
    private final long[] keys; // a heap, the worst at its root; after sort, falling
    private int limit;
    private int size;

    Ranking(int capacity) {
        keys = new long[capacity];
    }

    /** Starts anew, to keep the best {@code most} tokens. */
    void clear(int most) {
        limit = most;
        size = 0;
    }

    int size() {
        return size;
    }

    /** Considers a token; {@code score} is not NaN. */
    void offer(float score, int id) {
        long key = key(score, id);
        if (size < limit) {
            rise(size++, key);
        } else if (key > keys[0]) {
            sink(0, key, size);
        }
    }

    /** Puts what was kept in order; then {@link #id} may be asked, and nothing more be offered. */
    void sort() {
        for (int end = size - 1; end > 0; end--) {
            long last = keys[end];
            keys[end] = keys[0];
            sink(0, last, end);
        }
    }

    /** The token at {@code rank}, 0 the best. */
    int id(int rank) {
        return Integer.MAX_VALUE - (int) keys[rank];
    }

    /** Score above, so that comparing keys compares scores; below it what is larger for lower ids. */
    private static long key(float score, int id) {
        int bits = Float.floatToRawIntBits(score + 0f); // -0 becomes 0, its equal
        int ordered = bits < 0 ? bits ^ 0x7fffffff : bits;
        return (long) ordered << 32 | Integer.MAX_VALUE - id;
    }

    private void rise(int at, long key) {
        while (at > 0) {
            int above = at - 1 >>> 1;
            if (keys[above] <= key) break;
            keys[at] = keys[above];
            at = above;
        }
        keys[at] = key;
    }

    private void sink(int at, long key, int end) {
        for (int below = 2 * at + 1; below < end; below = 2 * at + 1) {
            if (below + 1 < end && keys[below + 1] < keys[below]) below++;
            if (keys[below] >= key) break;
            keys[at] = keys[below];
            at = below;
        }
        keys[at] = key;
    }
}
