package io.gatun.model.layer;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * Keys and values of all tokens of a sequence, expanded from its cache for a pass of prefill; one layer after another uses the same
 * memory, which grows with the longest sequence.
 */
final class Expanded {
    private final Ops ops;
    private final int latentDim;
    private final int ropeDim;
    private final int kvDim;
    private int positions;
    private Tensor latent;
    private Tensor rope;
    private Tensor kv;

    /**
     * The matrices of one pass.
     *
     * @param latent c_KV [positions, kvLoraRank]
     * @param rope k_R [positions, ropeDim]
     * @param kv [positions, heads * kvDim]
     */
    record Views(Tensor latent, Tensor rope, Tensor kv) {}

    Expanded(Ops ops, ModelConfig c) {
        this.ops = ops;
        latentDim = c.kvLoraRank();
        ropeDim = c.qkRopeHeadDim();
        kvDim = c.numAttentionHeads() * (c.qkNopeHeadDim() + c.vHeadDim());
    }

    Views views(int count) {
        if (count > positions) grow(Math.max(count, 2 * positions));
        return new Views(latent.slice(0, count), rope.slice(0, count), kv.slice(0, count));
    }

    private void grow(int to) {
        Arena memory = Arena.ofAuto(); // the smaller one goes with its last view
        positions = to;
        latent = ops.reals(memory, to, latentDim);
        rope = ops.reals(memory, to, ropeDim);
        kv = ops.reals(memory, to, kvDim);
    }
}
