package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.JitDirectives;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;

/** {@link Elementwise} on the CPU: each verb checks its arguments, cuts its rows into tasks and runs a kernel on the team. */
final class CpuElementwise implements Elementwise {
    private final CpuRmsNorm norms;
    private final CpuSwiGlu activations;
    private final CpuRows rows;
    private final CpuEmbedding embeddings;
    private final CpuCrossEntropy losses;
    private final CpuSums sums;
    private final CpuAdamW optimizer;

    CpuElementwise(Team team) {
        JitDirectives.ensure();
        norms = new CpuRmsNorm(team);
        activations = new CpuSwiGlu(team);
        rows = new CpuRows(team);
        embeddings = new CpuEmbedding(team);
        losses = new CpuCrossEntropy(team);
        sums = new CpuSums(team);
        optimizer = new CpuAdamW(team);
    }

    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor gain, float eps) {
        norms.forward(y, rstd, x, gain, eps);
    }

    @Override
    public void rmsNormInputGrad(Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor gain, Accumulate mode) {
        norms.inputGrad(dx, dy, x, rstd, gain, mode);
    }

    @Override
    public void rmsNormGainGrad(Tensor dGain, Tensor dy, Tensor x, Tensor rstd) {
        norms.gainGrad(dGain, dy, x, rstd);
    }

    @Override
    public void swiGlu(Tensor h, Tensor gate, Tensor up) {
        activations.forward(h, gate, up);
    }

    @Override
    public void swiGluGrad(Tensor dGate, Tensor dUp, Tensor dh, Tensor gate, Tensor up) {
        activations.grad(dGate, dUp, dh, gate, up);
    }

    @Override
    public void sequenceRows(Tensor y, int yPeriod, Tensor x, int xPeriod, Accumulate mode) {
        rows.sequenceRows(y, yPeriod, x, xPeriod, mode);
    }

    @Override
    public void embedding(Tensor y, Tensor table, Tensor ids) {
        embeddings.forward(y, table, ids);
    }

    @Override
    public void embeddingGrad(Tensor dTable, Tensor dy, Tensor ids) {
        embeddings.grad(dTable, dy, ids);
    }

    @Override
    public void crossEntropy(Tensor losses, Tensor logits, Tensor targets, float factor) {
        this.losses.crossEntropy(losses, logits, targets, factor);
    }

    @Override
    public double sum(Tensor x) {
        return sums.sum(x);
    }

    @Override
    public double sumOfSquares(Tensor x) {
        return sums.sumOfSquares(x);
    }

    @Override
    public void adamW(Tensor w, Tensor grad, Tensor m, Tensor v, AdamW step) {
        optimizer.adamW(w, grad, m, v, step);
    }
}
