package io.gatun.model.ops;

import io.gatun.kernels.SwiGlu;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;

/** {@link Elementwise#swiGlu} and its gradients on a team. */
final class CpuSwiGlu {
    private final Team team;
    private final Forward forward = new Forward();
    private final Grad grad = new Grad();

    CpuSwiGlu(Team team) {
        this.team = team;
    }

    void forward(Tensor h, Tensor gate, Tensor up) {
        int rows = gate.rows();
        int dim = gate.cols();
        Demand.matrix("swiGlu", "gate", gate, DType.F32, rows, dim);
        Demand.matrix("swiGlu", "up", up, DType.F32, rows, dim);
        Demand.matrix("swiGlu", "h", h, DType.F32, rows, dim);
        forward.h = h;
        forward.gate = gate;
        forward.up = up;
        team.run(Math.ceilDiv(rows, Cut.rows(dim)), forward);
    }

    private static final class Forward implements Team.Job {
        private Tensor h, gate, up;

        @Override
        public void run(int task, int worker) {
            int dim = gate.cols();
            int from = task * Cut.rows(dim);
            int to = Math.min(gate.rows(), from + Cut.rows(dim));
            SwiGlu.forward(
                    h.data(), h.rowStride(), gate.data(), gate.rowStride(), up.data(), up.rowStride(), from, to, dim);
        }
    }

    void grad(Tensor dGate, Tensor dUp, Tensor dh, Tensor gate, Tensor up) {
        int rows = gate.rows();
        int dim = gate.cols();
        Demand.matrix("swiGluGrad", "gate", gate, DType.F32, rows, dim);
        Demand.matrix("swiGluGrad", "up", up, DType.F32, rows, dim);
        Demand.matrix("swiGluGrad", "dh", dh, DType.F32, rows, dim);
        Demand.matrix("swiGluGrad", "dGate", dGate, DType.F32, rows, dim);
        Demand.matrix("swiGluGrad", "dUp", dUp, DType.F32, rows, dim);
        grad.dGate = dGate;
        grad.dUp = dUp;
        grad.dh = dh;
        grad.gate = gate;
        grad.up = up;
        team.run(Math.ceilDiv(rows, Cut.rows(dim)), grad);
    }

    private static final class Grad implements Team.Job {
        private Tensor dGate, dUp, dh, gate, up;

        @Override
        public void run(int task, int worker) {
            int dim = gate.cols();
            int from = task * Cut.rows(dim);
            int to = Math.min(gate.rows(), from + Cut.rows(dim));
            SwiGlu.grad(
                    dGate.data(),
                    dGate.rowStride(),
                    dUp.data(),
                    dUp.rowStride(),
                    dh.data(),
                    dh.rowStride(),
                    gate.data(),
                    gate.rowStride(),
                    up.data(),
                    up.rowStride(),
                    from,
                    to,
                    dim);
        }
    }
}
