package io.gatun.kernels;

import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;

/**
 * A linear parameter {@code [n, k]} ({@code y = x Wᵀ}) and what its engine made of it: nothing, packed panels, codes, a device
 * copy. Engines make it ({@link MatmulEngine#prepare}) and refresh it when its values changed; a product never packs it.
 */
public abstract class Weight {
    private final Tensor value;
    private final BlockScaled blocks;
    private final Tensor grad;
    private final Format format;

    protected Weight(Tensor value, Tensor grad, Format format) {
        this.value = value;
        this.blocks = null;
        this.grad = grad;
        this.format = format;
    }

    /** A weight of FP8 codes and scales, which is not trained. */
    protected Weight(BlockScaled value, Format format) {
        this.value = value.codes();
        this.blocks = value;
        this.grad = null;
        this.format = format;
    }

    /**
     * The parameter itself, {@code [n, k]}: the master copy in training, the mapped checkpoint in inference; the codes of a
     * block-scaled weight.
     */
    public final Tensor value() {
        return value;
    }

    /** Codes and scales of a block-scaled weight; null for any other. */
    public final BlockScaled blocks() {
        return blocks;
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
