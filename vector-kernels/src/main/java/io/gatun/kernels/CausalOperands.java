package io.gatun.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The matrices and sizes of one call of {@link CausalAttention} or {@link CausalAttentionGrad}: f32 in native segments, row-major,
 * strides in elements. Rows are tokens, sequence after sequence. Mutable, so that steady calls allocate nothing.
 */
public final class CausalOperands {
    /** [rows, heads * valueDim] */
    public MemorySegment o;

    /** [heads, rows]; null where no gradient follows. */
    public MemorySegment logSumExp;

    /** [rows, heads * keyDim]: each head's nope part, then its rope part. */
    public MemorySegment q;

    /** [rows, heads * (nopeDim + valueDim)]: each head's key without position, then its value. */
    public MemorySegment kv;

    /** [rows, ropeDim], shared by the heads. */
    public MemorySegment kRope;

    /** Gradients, shaped as what they are gradients of; of kRope there is one for each head: [heads, rows, ropeDim]. */
    public MemorySegment dO, dq, dkv, dkRopes;

    public long oStride, logSumExpStride, qStride, kvStride, kRopeStride, dOStride, dqStride, dkvStride;
    public int rows, sequence, nopeDim, ropeDim, valueDim;

    /** Of a chunk of one sequence: the position of the first row of {@link #q} and {@link #o}; 0 for whole sequences. */
    public int start;

    /** Factor on the scores, positive. */
    public float scale;

    int keyDim() {
        return nopeDim + ropeDim;
    }

    /** The element of {@link #kv} where a head's key without position begins. */
    long keyAt(int row, int head) {
        return row * kvStride + (long) head * (nopeDim + valueDim);
    }

    /** The element of {@link #kv} where a head's value begins. */
    long valueAt(int row, int head) {
        return keyAt(row, head) + nopeDim;
    }

    long queryAt(int row, int head) {
        return (row - start) * qStride + (long) head * keyDim();
    }

    long outputAt(int row, int head) {
        return (row - start) * oStride + (long) head * valueDim;
    }

    long outputGradAt(int row, int head) {
        return row * dOStride + (long) head * valueDim;
    }

    long queryGradAt(int row, int head) {
        return row * dqStride + (long) head * keyDim();
    }

    long keyGradAt(int row, int head) {
        return row * dkvStride + (long) head * (nopeDim + valueDim);
    }

    long ropeGradAt(int row, int head) {
        return ((long) head * rows + row) * ropeDim;
    }
}
