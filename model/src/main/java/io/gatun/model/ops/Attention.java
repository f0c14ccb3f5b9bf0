package io.gatun.model.ops;

import io.gatun.kernels.Weight;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** Rotary positions and multi-head latent attention (SPEC 2.2, 2.3). */
public interface Attention {
    /** Which way pairs turn: forward, or back as gradients do. */
    enum Rotation {
        FORWARD,
        BACKWARD
    }

    /**
     * The sizes of one attention call.
     *
     * @param heads query heads
     * @param nopeDim key width that carries no position, per head
     * @param ropeDim rotated key width, one key shared by all heads
     * @param valueDim value width per head
     * @param sequence tokens of one sequence; a batch is several sequences one after another
     * @param scale factor on the scores (SPEC 2.4)
     */
    record Shape(int heads, int nopeDim, int ropeDim, int valueDim, int sequence, float scale) {
        /** Key width of one head. */
        public int keyDim() {
            return nopeDim + ropeDim;
        }

        /** Width of one head's part of {@code kv}: the key rows without position, then the value rows. */
        public int kvDim() {
            return nopeDim + valueDim;
        }
    }

    /**
     * Tells whether layers of that shape can run; asked when they are made.
     *
     * @throws TensorException with what the hardware allows
     */
    default void check(Shape shape, int latentDim) {}

    /**
     * Turns the last {@code 2 * cos.cols()} numbers of every head in place: pairs (2i, 2i+1) are complex numbers times
     * {@code cos + i sin} of their position (SPEC 2.3, interleaved).
     *
     * @param x [rows, heads * headDim]
     * @param cos, sin [positions, ropeDim / 2]
     * @param start position of the first row of every sequence
     * @param sequence rows of one sequence: row r has position {@code start + r % sequence}
     */
    void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence, Rotation rotation);

    /**
     * Like the other {@code rope}, for rows of any positions.
     *
     * @param positions i32 [rows]: row r has position {@code positions[r]}
     */
    void rope(Tensor x, int heads, Tensor cos, Tensor sin, Tensor positions, Rotation rotation);

    /**
     * Causal attention in expanded form: {@code o_i = Σ_j softmax_j(scale q_i·k_j) v_j} over j ≤ i of the same sequence.
     *
     * @param o [rows, heads * valueDim]
     * @param logSumExp [heads, rows], natural logarithm of the softmax denominators, for {@link #causalGrad}
     * @param q [rows, heads * keyDim], rotated: each head's nope part, then its rope part
     * @param kv [rows, heads * kvDim]: each head's key without position, then its value
     * @param kRope [rows, ropeDim], rotated, shared by the heads
     */
    void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Shape shape);

    /**
     * Causal attention in expanded form of a chunk of one sequence: its rows have the positions {@code start} to {@code start + rows},
     * and keys begin at position 0. A position's bits are the same for any cut into chunks. Matrices may be column ranges that hold a
     * group of the heads, whose number is {@code shape.heads()}; {@code shape.sequence()} is not used.
     *
     * @param o [rows, heads * valueDim]
     * @param q [rows, heads * keyDim], rotated
     * @param kv [start + rows, heads * kvDim]
     * @param kRope [start + rows, ropeDim], rotated
     */
    void causal(Tensor o, Tensor q, Tensor kv, Tensor kRope, int start, Shape shape);

    /**
     * Writes row r to position {@code positions[r]} of {@code sequences[r]}, rounded where pages are bf16. No two rows have the same
     * place.
     *
     * @param sequences at least as many as there are rows; one may come several times
     * @param positions i32 [rows]
     * @param cKv [rows, latentDim], normalised
     * @param kRope [rows, ropeDim], rotated
     */
    void append(LatentPages[] sequences, Tensor positions, Tensor cKv, Tensor kRope);

    /**
     * Reads the first positions of a sequence, as many as {@code latent} has rows, for attention in expanded form.
     *
     * @param latent [positions, latentDim]
     * @param rope [positions, ropeDim]
     */
    void cached(Tensor latent, Tensor rope, LatentPages sequence);

    /**
     * Attention in absorbed form against the caches of many sequences (SPEC 2.2): row r attends to the positions 0 to
     * {@code positions[r]} of {@code sequences[r]}. A row's bits do not depend on the others. {@code shape.sequence()} is not used.
     *
     * @param o [rows, heads * valueDim]
     * @param q [rows, heads * keyDim], rotated
     * @param kvB [heads * kvDim, latentDim], of any stored type: each head's W_UK rows, then its W_UV rows
     * @param sequences at least as many as there are rows; one may come several times
     * @param positions i32 [rows], each below the positions of its sequence's pages
     */
    void absorbed(Tensor o, Tensor q, Weight kvB, LatentPages[] sequences, Tensor positions, Shape shape);

    /** The gradients of {@link #causal(Tensor, Tensor, Tensor, Tensor, Tensor, Shape) causal}: writes {@code dq}, {@code dkv}, {@code dkRope} (summed over heads in their order). */
    void causalGrad(
            Tensor dq,
            Tensor dkv,
            Tensor dkRope,
            Tensor dO,
            Tensor o,
            Tensor logSumExp,
            Tensor q,
            Tensor kv,
            Tensor kRope,
            Shape shape);
}
