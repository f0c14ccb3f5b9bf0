package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.ADD;
import static io.gatun.kernels.Accumulate.WRITE;

import io.gatun.kernels.Accumulate;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/** SwiGLU feed-forward (SPEC 2.1): {@code y = W_down( silu(W_gate x) ⊙ W_up x )}: a dense layer's, or the shared experts'. */
final class Ffn {
    /** What one micro-batch keeps: both projections, their product, and the gradients of all three; [rows, width]. */
    static final class Slot {
        private final Linear.Slot gateProj = new Linear.Slot();
        private final Linear.Slot upProj = new Linear.Slot();
        private final Linear.Slot downProj = new Linear.Slot();
        private final Tensor gate;
        private final Tensor up;
        private final Tensor h;
        private final Tensor dGate;
        private final Tensor dUp;
        private final Tensor dh;

        private Slot(Workspace workspace, int rows, int width) {
            gate = workspace.reals("gate", rows, width);
            up = workspace.reals("up", rows, width);
            h = workspace.reals("h", rows, width);
            dh = workspace.gradient("h", rows, width);
            dGate = workspace.gradient("gate", rows, width);
            dUp = workspace.gradient("up", rows, width);
        }
    }

    private final Elementwise elementwise;
    private final Linear gateProj;
    private final Linear upProj;
    private final Linear downProj;

    Ffn(Ops ops, Parameters parameters) {
        elementwise = ops.elementwise();
        gateProj = new Linear(ops, parameters, "gate_proj.weight");
        upProj = new Linear(ops, parameters, "up_proj.weight");
        downProj = new Linear(ops, parameters, "down_proj.weight");
    }

    Slot plan(Workspace workspace, int rows) {
        return new Slot(workspace, rows, gateProj.weight().n());
    }

    /** {@code y} and {@code x}: [rows, hidden]. */
    void forward(Tensor y, Tensor x, Slot s, Accumulate mode) {
        gateProj.forward(s.gate, x, s.gateProj, WRITE);
        upProj.forward(s.up, x, s.upProj, WRITE);
        elementwise.swiGlu(s.h, s.gate, s.up);
        downProj.forward(y, s.h, s.downProj, mode);
    }

    void inputGrad(Tensor dx, Tensor dy, Slot s, Accumulate mode) {
        downProj.inputGrad(s.dh, dy, s.downProj, WRITE);
        elementwise.swiGluGrad(s.dGate, s.dUp, s.dh, s.gate, s.up);
        gateProj.inputGrad(dx, s.dGate, s.gateProj, mode);
        upProj.inputGrad(dx, s.dUp, s.upProj, ADD);
    }

    void weightGrad(Slot s) {
        downProj.weightGrad(s.downProj);
        gateProj.weightGrad(s.gateProj);
        upProj.weightGrad(s.upProj);
    }
}
