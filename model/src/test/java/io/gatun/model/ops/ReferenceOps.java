package io.gatun.model.ops;

import io.gatun.kernels.MatmulEngine;
import io.gatun.tensor.DType;

/** The twin of every verb: scalar loops in double, written as the formulas read. Runs whole models, slowly. */
public final class ReferenceOps implements Ops {
    private final MatmulEngine products = new ReferenceMatmul();
    private final Attention attention = new ReferenceAttention();
    private final Experts experts = new ReferenceExperts();
    private final Elementwise elementwise = new ReferenceElementwise();

    @Override
    public DType real() {
        return DType.F64;
    }

    @Override
    public MatmulEngine products() {
        return products;
    }

    @Override
    public Attention attention() {
        return attention;
    }

    @Override
    public Experts experts() {
        return experts;
    }

    @Override
    public Elementwise elementwise() {
        return elementwise;
    }
}
