package io.gatun.trainer.balance;

import io.gatun.tensor.Tensor;

/**
 * Auxiliary-loss-free balancing (SPEC 3.1): after each optimizer step, {@code b_e += γ · sign(mean(c) - c_e)} with c_e the
 * tokens that expert e got in the whole global batch. The bias moves selection only, never a gate's value.
 */
public final class BiasUpdate {
    private BiasUpdate() {}

    /**
     * @param bias [experts], updated
     * @param counts tokens by expert
     * @param speed γ
     */
    public static void apply(Tensor bias, long[] counts, double speed) {
        long sum = 0;
        for (long count : counts) sum += count;
        for (int e = 0; e < counts.length; e++) {
            long tooFew = Long.signum(sum - counts[e] * counts.length); // mean - c_e without a division
            bias.set(0, e, bias.get(0, e) + speed * tooFew);
        }
    }
}
