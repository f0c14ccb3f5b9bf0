package io.gatun.model.layer;

import io.gatun.kernels.Accumulate;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/** RMSNorm (SPEC 2.1). */
final class Norm {
    /** Keeps {@code rstd} [rows], and {@code x} and {@code dy} by reference until {@link #weightGrad}. */
    static final class Slot {
        private final Tensor rstd;
        private Tensor x;
        private Tensor dy;

        private Slot(Tensor rstd) {
            this.rstd = rstd;
        }
    }

    private final Elementwise elementwise;
    private final Parameter gain;
    private final float eps;

    Norm(Ops ops, Parameters parameters, String name, double eps) {
        elementwise = ops.elementwise();
        gain = parameters.plain(name);
        this.eps = (float) eps;
    }

    Slot plan(Workspace workspace, int rows) {
        return new Slot(workspace.reals("rstd", rows));
    }

    void forward(Tensor y, Tensor x, Slot slot) {
        slot.x = x;
        elementwise.rmsNorm(y, slot.rstd, x, gain.value(), eps);
    }

    void inputGrad(Tensor dx, Tensor dy, Slot slot, Accumulate mode) {
        slot.dy = dy;
        elementwise.rmsNormInputGrad(dx, dy, slot.x, slot.rstd, gain.value(), mode);
    }

    void weightGrad(Slot slot) {
        elementwise.rmsNormGainGrad(gain.grad(), slot.dy, slot.x, slot.rstd);
    }
}
