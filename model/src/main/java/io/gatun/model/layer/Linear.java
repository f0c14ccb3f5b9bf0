package io.gatun.model.layer;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/** {@code y = x Wᵀ}; no bias anywhere (SPEC 2.1). */
final class Linear {
    /** Keeps {@code x} and {@code dy} by reference until {@link #weightGrad}. */
    static final class Slot {
        private Tensor x;
        private Tensor dy;
    }

    private final MatmulEngine products;
    private final Weight weight;

    Linear(Ops ops, Parameters parameters, String name) {
        products = ops.products();
        weight = parameters.linear(name);
    }

    Weight weight() {
        return weight;
    }

    void forward(Tensor y, Tensor x, Slot slot, Accumulate mode) {
        slot.x = x;
        products.forward(y, x, weight, mode);
    }

    void inputGrad(Tensor dx, Tensor dy, Slot slot, Accumulate mode) {
        slot.dy = dy;
        products.inputGrad(dx, dy, weight, mode);
    }

    void weightGrad(Slot slot) {
        products.weightGrad(weight, slot.dy, slot.x);
    }
}
