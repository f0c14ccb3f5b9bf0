package io.gatun.kernels;

import io.gatun.tensor.Tensor;

/**
 * A linear parameter {@code [n, k]} ({@code y = x Wᵀ}) and what its engine made of it: nothing, packed panels, codes, a device
 * copy. Engines make it ({@link MatmulEngine#prepare}) and refresh it when its values changed; a product never packs it.
 */
public abstract class Weight {
    private final Tensor value;
    private final Tensor grad;
    private final Format format;

    protected Weight(Tensor value, Tensor grad, Format format) {
        this.value = value;
        this.grad = grad;
        this.format = format;
    }

    /** The parameter itself, {@code [n, k]}: the master copy in training, the mapped checkpoint in inference. */
    public final Tensor value() {
        return value;
    }

    /** The gradient {@code [n, k]} that {@link MatmulEngine#weightGrad} adds to; null for a weight that is not trained. */
    public final Tensor grad() {
        return grad;
    }

    /** What a product rounds its operands to. */
    public final Format format() {
        return format;
    }

    /** Output features. */
    public final int n() {
        return value.rows();
    }

    /** Input features. */
    public final int k() {
        return value.cols();
    }

    /** Bytes that the engine holds beside {@link #value}. */
    public abstract long preparedBytes();
}
