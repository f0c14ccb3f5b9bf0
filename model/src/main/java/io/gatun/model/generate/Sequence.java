package io.gatun.model.generate;

import io.gatun.model.cache.LatentCache;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A sequence's tokens, their cache, and what its drafts wait for. */
final class Sequence implements AutoCloseable {
    final LatentCache cache;
    private final Tensor states; // the main model's states after the last tokens; null where nothing is drafted
    private int waiting; // how many of them the MTP module has not seen
    private int[] ids = new int[64];

    Sequence(LatentCache cache, Tensor states) {
        this.cache = cache;
        this.states = states;
    }

    int length() {
        return cache.length();
    }

    int id(int position) {
        return ids[position];
    }

    /** The tokens, in an array of their own. */
    int[] ids() {
        return Arrays.copyOf(ids, length());
    }

    /** How many leading tokens {@code other} begins with. */
    int common(int[] other) {
        int mismatch = Arrays.mismatch(ids, 0, length(), other, 0, other.length);
        return mismatch < 0 ? other.length : mismatch;
    }

    /** Makes room for {@code count} tokens more. */
    void reserve(int count) {
        cache.reserve(count);
        int needed = length() + count;
        if (needed > ids.length) ids = Arrays.copyOf(ids, Math.max(needed, 2 * ids.length));
    }

    /** Notes the token at {@code position}, for which there is room. */
    void set(int position, int id) {
        ids[position] = id;
    }

    /** Whether the MTP module follows the sequence. */
    boolean isFollowed() {
        return states != null;
    }

    /** How many of the last tokens the MTP module has not seen. */
    int waiting() {
        return waiting;
    }

    /** Keeps the states [tokens, hidden] of the tokens just appended, until the module takes them. */
    void keepStates(Tensor appended) {
        waiting = appended.rows();
        copyRows(states, appended, waiting);
    }

    /** Hands the waiting states to the module. */
    void takeStates(Tensor to) {
        copyRows(to, states, waiting);
        waiting = 0;
    }

    /** Forgets all but the first {@code length} tokens. */
    void truncate(int length) {
        waiting = Math.max(0, waiting - (cache.length() - length));
        cache.truncate(length);
    }

    private static void copyRows(Tensor to, Tensor from, int rows) {
        int bytes = to.dtype().bytes();
        long row = (long) to.cols() * bytes;
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(from.data(), r * from.rowStride() * bytes, to.data(), r * to.rowStride() * bytes, row);
        }
    }

    Sequence fork(Tensor statesOfFork) {
        Sequence fork = new Sequence(cache.fork(), statesOfFork);
        fork.ids = Arrays.copyOf(ids, ids.length);
        fork.waiting = waiting;
        if (states != null) statesOfFork.copyFrom(states);
        return fork;
    }

    @Override
    public void close() {
        cache.close();
    }
}
