package io.gatun.trainer.schedule;

import io.gatun.tensor.DType;

/**
 * The recipe of one run. Moments of the run are fractions of its steps, so that a recipe survives a change of length (SPEC 4.1
 * gives V3's in tokens; the defaults are those, unless said otherwise).
 */
public record TrainConfig(
        int steps, // optimizer steps
        int sequenceLength, // tokens of one sequence
        int batchSize, // sequences of one step, once the ramp is over
        int batchStart, // sequences of the first step
        double batchRamp, // where the ramp of the batch size ends; 0: no ramp
        int microBatch, // sequences computed at once; the batch size is made of them
        double lr, // the highest learning rate
        double warmup, // where the linear warm-up from 0 ends
        double decayStart, // where the constant part ends and the cosine begins
        double decayEnd, // where the cosine ends
        double decayTo, // what it falls to, as a share of lr
        double tailStart, // where the last, smallest rate begins; 1: never
        double tailTo, // that rate, as a share of lr
        double beta1,
        double beta2,
        double eps,
        double weightDecay,
        boolean decayGains, // whether gains of norms decay too
        DType moments, // of Adam: F32 or BF16
        double clip, // the highest global gradient norm
        double initStd, // standard deviation of fresh weights; V3: 0.006
        double mtpLambda, // weight of the MTP losses
        double mtpLambdaLate, // the same after mtpLambdaSwitch
        double mtpLambdaSwitch,
        double balanceAlpha, // weight of the sequence-wise balance loss
        double biasSpeed, // γ of the auxiliary-loss-free bias update
        double biasSpeedOff, // where γ becomes 0
        long limitBytes, // train on the first bytes of the shuffled text only; 0: on all
        int evalEvery, // steps between held-out losses
        int evalBatches, // micro-batches of the held-out text at each; the end reads all of it
        int checkpointEvery, // steps between checkpoints
        int keepCheckpoints) { // how many complete ones stay
    public TrainConfig {
        atLeast("steps", steps, 1);
        atLeast("sequence_length", sequenceLength, 2);
        atLeast("micro_batch", microBatch, 1);
        atLeast("batch_start", batchStart, 1);
        rule(batchSize >= batchStart, "batch_size", batchSize, "at least batch_start, " + batchStart);
        multiple("batch_size", batchSize, microBatch);
        multiple("batch_start", batchStart, microBatch);
        fraction("batch_ramp", batchRamp);
        rule(lr > 0 && lr < 10, "lr", lr, "above 0 and below 10");
        fraction("warmup", warmup);
        fraction("decay_start", decayStart);
        fraction("decay_end", decayEnd);
        fraction("tail_start", tailStart);
        rule(decayEnd >= decayStart, "decay_end", decayEnd, "at least decay_start, " + decayStart);
        fraction("decay_to", decayTo);
        fraction("tail_to", tailTo);
        rule(beta1 >= 0 && beta1 < 1, "beta1", beta1, "in [0, 1)");
        rule(beta2 >= 0 && beta2 < 1, "beta2", beta2, "in [0, 1)");
        rule(eps > 0, "eps", eps, "above 0");
        rule(weightDecay >= 0, "weight_decay", weightDecay, "not negative");
        rule(moments == DType.F32 || moments == DType.BF16, "moments", moments, "F32 or BF16");
        rule(clip > 0, "clip", clip, "above 0");
        rule(initStd > 0, "init_std", initStd, "above 0");
        rule(mtpLambda >= 0, "mtp_lambda", mtpLambda, "not negative");
        rule(mtpLambdaLate >= 0, "mtp_lambda_late", mtpLambdaLate, "not negative");
        fraction("mtp_lambda_switch", mtpLambdaSwitch);
        rule(balanceAlpha >= 0, "balance_alpha", balanceAlpha, "not negative");
        rule(biasSpeed >= 0, "bias_speed", biasSpeed, "not negative");
        fraction("bias_speed_off", biasSpeedOff);
        rule(limitBytes >= 0, "limit_bytes", limitBytes, "not negative");
        atLeast("eval_every", evalEvery, 1);
        atLeast("eval_batches", evalBatches, 1);
        atLeast("checkpoint_every", checkpointEvery, 1);
        atLeast("keep_checkpoints", keepCheckpoints, 1);
    }

    private static void atLeast(String field, long value, long least) {
        rule(value >= least, field, value, "at least " + least);
    }

    private static void fraction(String field, double value) {
        rule(value >= 0 && value <= 1, field, value, "a fraction of the run, from 0 to 1");
    }

    private static void multiple(String field, int value, int microBatch) {
        rule(value % microBatch == 0, field, value, "a multiple of micro_batch, " + microBatch);
    }

    private static void rule(boolean holds, String field, Object value, String rule) {
        if (!holds) throw new IllegalArgumentException("train." + field + " is " + value + "; it must be " + rule);
    }
}
