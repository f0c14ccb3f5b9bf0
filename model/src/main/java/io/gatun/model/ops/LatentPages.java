package io.gatun.model.ops;

import io.gatun.tensor.Tensor;

/** One sequence's cached rows in one layer, a row a token: [normalised c_KV ; rotated k_R], in pages of equal size. */
public interface LatentPages {
    /** Positions of a page, a multiple of 32. */
    int pageSize();

    /** Page {@code index}: f32 or bf16 [pageSize, latentDim + ropeDim]. */
    Tensor page(int index);
}
