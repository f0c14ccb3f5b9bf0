package io.gatun.trainer.loop;

/** What one optimizer step measured. Mutable and reused, so that a step allocates nothing. */
public final class StepResult {
    /** The step, counted from 1. */
    public long step;

    /** Mean next-token loss in nats. */
    public double loss;

    /** Mean MTP loss over the modules in nats, without λ; NaN when there are none. */
    public double mtpLoss;

    /** Mean balance loss over sequences, summed over MoE layers, without α; 0 when it is off. */
    public double balanceLoss;

    /** Global gradient norm before clipping. */
    public double gradientNorm;

    public double learningRate;

    /** Sequences of the global batch. */
    public int batchSize;

    /** Tokens that the step predicted. */
    public long tokens;
}
