package io.gatun.model.tokenizer;

import java.util.Arrays;

/** The merge list of a BPE model: which pairs of tokens become one, the earlier in the list the sooner. */
final class Merges {
    private static final long EMPTY = -1; // no pair: ids are not negative
    private final long[] pairs; // open addressing, at most half full
    private final int[] ranks; // beside pairs
    private final int[] products; // by rank
    private final int shift;

    /** The merges {@code left[rank], right[rank] -> product[rank]}; of equal pairs the last counts. */
    Merges(int[] left, int[] right, int[] product) {
        int capacity = Integer.highestOneBit(Math.max(4, left.length)) * 4;
        shift = 64 - Integer.numberOfTrailingZeros(capacity);
        pairs = new long[capacity];
        Arrays.fill(pairs, EMPTY);
        ranks = new int[capacity];
        products = product;
        for (int rank = 0; rank < left.length; rank++) {
            long pair = pair(left[rank], right[rank]);
            int slot = slot(pair);
            pairs[slot] = pair;
            ranks[slot] = rank;
        }
    }

    /** The place of the pair in the list, or -1. */
    int rank(int left, int right) {
        long pair = pair(left, right);
        int slot = slot(pair);
        return pairs[slot] == pair ? ranks[slot] : -1;
    }

    /** The token that the merge of this rank makes. */
    int product(int rank) {
        return products[rank];
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    /** Where the pair is, or the free place where it belongs. */
    private int slot(long pair) {
        int slot = (int) (pair * 0x9E3779B97F4A7C15L >>> shift); // Fibonacci hashing: neighbours spread
        while (pairs[slot] != pair && pairs[slot] != EMPTY) slot = slot + 1 & pairs.length - 1;
        return slot;
    }
}
