package io.gatun.model.collective;

import io.gatun.tensor.Tensor;

/**
 * What several processes share. Every call returns at once with a handle to await, so that transfers can hide behind work; all
 * processes make the same calls in the same order. Tensors must stay as they are until the handle is awaited.
 */
public interface Collectives extends AutoCloseable {
    /** A transfer under way. */
    interface Handle {
        /** Returns when the outputs are complete. */
        void await();
    }

    /** This process's number, from 0. */
    int rank();

    /** How many processes there are. */
    int size();

    /** Replaces {@code x} by its sum over all processes, added in rank order. */
    Handle allReduceSum(Tensor x);

    /** Gathers every process's {@code part} in {@code whole} [size, part], in rank order. */
    Handle allGather(Tensor whole, Tensor part);

    /** Sums {@code whole} [size, part] over all processes, and leaves in {@code part} the piece of this rank. */
    Handle reduceScatterSum(Tensor part, Tensor whole);

    /**
     * Sends rows {@code sendOffsets[r]} to {@code sendOffsets[r + 1]} of {@code send} to process r, and receives likewise.
     *
     * @param sendOffsets, receiveOffsets i32 [size + 1], in rows
     */
    Handle allToAll(Tensor receive, Tensor receiveOffsets, Tensor send, Tensor sendOffsets);

    /** Sends {@code x} to process {@code to}. */
    Handle send(Tensor x, int to);

    /** Receives {@code x} from process {@code from}. */
    Handle receive(Tensor x, int from);

    @Override
    void close();
}
