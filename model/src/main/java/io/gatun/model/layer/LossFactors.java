package io.gatun.model.layer;

/**
 * What each loss of a micro-batch is multiplied by, so that micro-batches add up to the loss of the global batch (SPEC 2.6,
 * 3.2). Mutable: schedules move them, and a step allocates nothing.
 */
public final class LossFactors {
    /** On the sum of the next-token losses: 1 / tokens of the global batch. */
    public float main;

    /** On the sum of each MTP module's losses: λ / (D · tokens of the global batch). */
    public float mtp;

    /** On each sequence's balance loss: α / sequences of the global batch; 0 turns it off. */
    public float balance;

    /** The factors of a global batch. */
    public void set(long sequences, int sequence, int mtpDepth, double lambda, double alpha) {
        double tokens = (double) sequences * sequence;
        main = (float) (1 / tokens);
        mtp = mtpDepth == 0 ? 0 : (float) (lambda / (mtpDepth * tokens));
        balance = (float) (alpha / sequences);
    }
}
