package io.gatun.model.ops;

import io.gatun.tensor.Tensor;

/**
 * One sequence's cached rows in one layer: {@code [normalised c_KV ; rotated k_R]} a token (SPEC 2.2), in pages of equal size.
 * Position p is row {@code p % pageSize} of page {@code p / pageSize}.
 */
public interface LatentPages {
    /** Positions of a page, a multiple of 32. */
    int pageSize();

    /** How many pages there are; positions from 0 to {@code pages() * pageSize()} can be read and written. */
    int pages();

    /** A page, f32 or bf16 [pageSize, latentDim + ropeDim]: a view that is ready, since steps ask for it. */
    Tensor page(int index);
}
