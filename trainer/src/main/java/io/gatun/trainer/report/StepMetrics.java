package io.gatun.trainer.report;

import io.gatun.trainer.balance.ExpertLoad;

/**
 * What one training step measured.
 *
 * @param step counted from 1
 * @param tokens seen since the run began, this step included
 * @param batch sequences in this step's global batch
 * @param loss next-token cross-entropy in nats a token, without the terms below
 * @param mtpLoss mean cross-entropy of the MTP modules in nats a token, without λ; NaN when there are none
 * @param balanceLoss sequence-wise balance loss with its α, summed over the MoE layers (SPEC 3.2)
 * @param gradientNorm global norm before clipping
 * @param tokensPerSecond of this step alone
 * @param loads [MoE layers, experts]: how many tokens of the global batch each expert got. A sink reads them during the
 *     call only, so that the caller may use the arrays again
 */
public record StepMetrics(
        long step,
        long tokens,
        int batch,
        double loss,
        double mtpLoss,
        double balanceLoss,
        double learningRate,
        double gradientNorm,
        double tokensPerSecond,
        long[][] loads) {

    /** {@code (max load − mean load) / mean load} of a MoE layer (SPEC 3.5); NaN when no token was routed. */
    public double maxVio(int layer) {
        return ExpertLoad.maxVio(loads[layer]);
    }
}
