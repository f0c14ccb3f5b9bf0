package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.Tensor;

/** Norms, activations, embedding, losses, the optimizer's arithmetic. */
public interface Elementwise {
    /** {@code y = x · rstd · gain} with {@code rstd = 1/√(mean(x²) + eps)} per row, kept in {@code rstd} [rows] (SPEC 2.1). */
    void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor gain, float eps);

    /** {@code dx (+)=} the gradient of {@link #rmsNorm} for its input. */
    void rmsNormInputGrad(Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor gain, Accumulate mode);

    /** {@code dGain += Σ_rows dy · x · rstd}. */
    void rmsNormGainGrad(Tensor dGain, Tensor dy, Tensor x, Tensor rstd);

    /** {@code h = silu(gate) · up}, all [rows, dim]; only the first {@code rows()} of {@code h} are touched. */
    void swiGlu(Tensor h, Tensor gate, Tensor up);

    /** The gradients of {@link #swiGlu}, written. */
    void swiGluGrad(Tensor dGate, Tensor dUp, Tensor dh, Tensor gate, Tensor up);

    /**
     * For every sequence, the first rows of {@code x} into the first rows of {@code y} (written or added): as many as the
     * shorter of {@code yPeriod} and {@code xPeriod}. Both are [sequences * period, dim].
     */
    void sequenceRows(Tensor y, int yPeriod, Tensor x, int xPeriod, Accumulate mode);

    /** {@code y (+)= x} over matrices of one shape. */
    default void assign(Tensor y, Tensor x, Accumulate mode) {
        sequenceRows(y, y.rows(), x, x.rows(), mode);
    }

    /** {@code y[r] = table[ids[r]]}: {@code y} [rows, dim], {@code ids} i32 [sequences, length] with rows in reading order. */
    void embedding(Tensor y, Tensor table, Tensor ids);

    /** {@code dTable[ids[r]] += dy[r]}, in the order of r. */
    void embeddingGrad(Tensor dTable, Tensor dy, Tensor ids);

    /**
     * Cross-entropy of each row in nats, {@code losses[r] = log Σ exp(logits[r]) - logits[r, target]}; then replaces the logits
     * by the gradient of {@code factor · Σ losses}.
     *
     * @param losses [rows]
     * @param logits [rows, vocabulary], overwritten unless {@code factor} is 0
     * @param targets i32 [rows] or [sequences, length], in reading order
     */
    void crossEntropy(Tensor losses, Tensor logits, Tensor targets, float factor);

    /** The sum of all elements, in double, cut into chunks by the shape only. */
    double sum(Tensor x);

    /** The sum of squares of all elements, in double, cut into chunks by the shape only. */
    double sumOfSquares(Tensor x);

    /**
     * One AdamW update with decoupled decay (SPEC 4.1), all tensors of one shape: {@code g = gradFactor·grad;
     * w -= lr·decay·w; m = β1·m + (1-β1)·g; v = β2·v + (1-β2)·g²; w -= lr·m̂/(√v̂ + eps)}.
     *
     * @param m, v moments, real or BF16 (rounded to nearest even after each update)
     */
    void adamW(Tensor w, Tensor grad, Tensor m, Tensor v, AdamW step);

    /**
     * The numbers of one AdamW update. Mutable, so that a step allocates nothing.
     *
     * <p>{@code step} counts from 1 and gives the bias corrections {@code m̂ = m/(1-β1^step)}, {@code v̂ = v/(1-β2^step)}.
     */
    final class AdamW {
        public double learningRate;
        public double beta1 = 0.9;
        public double beta2 = 0.95;
        public double eps = 1e-8;
        public double weightDecay = 0.1;
        public double gradFactor = 1;
        public long step = 1;
    }
}
