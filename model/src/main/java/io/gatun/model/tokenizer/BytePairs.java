package io.gatun.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Byte-pair encoding of one piece of text (Sennrich, Haddow and Birch 2016): its bytes' tokens are merged, the pair of
 * the lowest rank first, the leftmost of equals, until no pair is in the list. Pieces seen before come from a cache.
 */
final class BytePairs {
    private static final int CACHED_PIECES = 1 << 16;
    private static final int CACHED_LENGTH = 64; // characters; longer pieces seldom come back
    private static final int MERGED_AWAY = -1;
    private final int[] byteIds; // [256]
    private final Merges merges;
    private final Map<String, Integer> whole;
    private final ConcurrentHashMap<String, int[]> cache = new ConcurrentHashMap<>();

    /** @param whole tokens that a piece is compared with before any merge ({@code ignore_merges}); may be empty */
    BytePairs(int[] byteIds, Merges merges, Map<String, Integer> whole) {
        this.byteIds = byteIds;
        this.merges = merges;
        this.whole = whole;
    }

    /** The ids of a piece without unpaired surrogates. Not to be changed by the caller. */
    int[] encode(String piece) {
        int[] ids = cache.get(piece);
        if (ids != null) return ids;
        ids = merge(piece.getBytes(StandardCharsets.UTF_8));
        if (piece.length() <= CACHED_LENGTH && cache.size() < CACHED_PIECES) cache.put(piece, ids);
        return ids;
    }

    private int[] merge(byte[] bytes) {
        if (!whole.isEmpty()) {
            Integer id = whole.get(ByteAlphabet.write(bytes));
            if (id != null) return new int[] {id};
        }
        int length = bytes.length;
        int[] ids = new int[length];
        for (int i = 0; i < length; i++) ids[i] = byteIds[bytes[i] & 0xFF];
        int[] previous = new int[length]; // neighbours that are not merged away
        int[] next = new int[length];
        Arrays.setAll(previous, i -> i - 1);
        Arrays.setAll(next, i -> i + 1);
        LongHeap queue = new LongHeap(length); // rank, position: merges that were possible when they were queued
        for (int i = 0; i + 1 < length; i++) offer(queue, ids, i, i + 1);
        while (!queue.isEmpty()) {
            long merge = queue.pop();
            int rank = (int) (merge >>> 32);
            int at = (int) merge;
            if (ids[at] == MERGED_AWAY || next[at] == length || merges.rank(ids[at], ids[next[at]]) != rank) continue;
            int right = next[at];
            ids[at] = merges.product(rank);
            ids[right] = MERGED_AWAY;
            next[at] = next[right];
            if (next[at] < length) {
                previous[next[at]] = at;
                offer(queue, ids, at, next[at]);
            }
            if (previous[at] >= 0) offer(queue, ids, previous[at], at);
        }
        return Arrays.stream(ids).filter(id -> id != MERGED_AWAY).toArray();
    }

    private void offer(LongHeap queue, int[] ids, int left, int right) {
        int rank = merges.rank(ids[left], ids[right]);
        if (rank >= 0) queue.push((long) rank << 32 | left);
    }
}
