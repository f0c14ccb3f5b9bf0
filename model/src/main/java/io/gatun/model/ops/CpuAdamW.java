package io.gatun.model.ops;

import io.gatun.kernels.AdamW;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;

/** {@link Elementwise#adamW} on a team, with moments in F32 or BF16. */
final class CpuAdamW implements Team.Job {
    private final Team team;
    private Tensor w, grad, m, v;
    private Elementwise.AdamW step;

    CpuAdamW(Team team) {
        this.team = team;
    }

    void adamW(Tensor w, Tensor grad, Tensor m, Tensor v, Elementwise.AdamW step) {
        long count = w.count();
        DType moments = m.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
        Demand.vector("adamW", "w", w, DType.F32, count);
        Demand.vector("adamW", "grad", grad, DType.F32, count);
        Demand.vector("adamW", "m", m, moments, count);
        Demand.vector("adamW", "v", v, moments, count);
        if (step.step < 1) throw new IllegalArgumentException("adamW: steps count from 1; this is step " + step.step);
        this.w = w;
        this.grad = grad;
        this.m = m;
        this.v = v;
        this.step = step;
        team.run(Math.toIntExact(Math.ceilDiv(count, Cut.ELEMENTS)), this);
    }

    @Override
    public void run(int task, int worker) {
        long from = (long) task * Cut.ELEMENTS;
        int count = (int) Math.min(Cut.ELEMENTS, w.count() - from);
        if (m.dtype() == DType.BF16) {
            AdamW.updateBf16(
                    w.data(),
                    grad.data(),
                    m.data(),
                    v.data(),
                    from,
                    count,
                    step.learningRate,
                    step.weightDecay,
                    step.beta1,
                    step.beta2,
                    step.eps,
                    step.gradFactor,
                    step.step);
        } else {
            AdamW.update(
                    w.data(),
                    grad.data(),
                    m.data(),
                    v.data(),
                    from,
                    count,
                    step.learningRate,
                    step.weightDecay,
                    step.beta1,
                    step.beta2,
                    step.eps,
                    step.gradFactor,
                    step.step);
        }
    }
}
