package io.gatun.trainer.schedule;

/** What the recipe says at each step, counted from 0 (SPEC 4.1). Pure functions of the step: a resumed run needs no state. */
public final class Schedule {
    private final TrainConfig config;

    public Schedule(TrainConfig config) {
        this.config = config;
    }

    /** Linear warm-up, constant, cosine from {@code lr} to {@code lr · decayTo}, constant, tail. */
    public double learningRate(long step) {
        double at = progress(step);
        double warmupSteps = config.warmup() * config.steps();
        if (step < warmupSteps) return config.lr() * Math.min(1, (step + 1) / warmupSteps);
        if (at >= config.tailStart()) return config.lr() * config.tailTo();
        if (at < config.decayStart()) return config.lr();
        double span = config.decayEnd() - config.decayStart();
        double done = span == 0 ? 1 : Math.min(1, (at - config.decayStart()) / span);
        double low = config.decayTo();
        return config.lr() * (low + (1 - low) * 0.5 * (1 + Math.cos(Math.PI * done)));
    }

    /** Micro-batches of the step: the batch grows linearly in whole micro-batches. */
    public int microBatches(long step) {
        double ramp = config.batchRamp() * config.steps();
        double done = ramp == 0 ? 1 : Math.min(1, step / ramp);
        double sequences = config.batchStart() + done * (config.batchSize() - config.batchStart());
        return Math.max(1, (int) Math.floor(sequences / config.microBatch() + 1e-9));
    }

    /** λ, the weight of the MTP losses. */
    public double mtpLambda(long step) {
        return progress(step) < config.mtpLambdaSwitch() ? config.mtpLambda() : config.mtpLambdaLate();
    }

    /** γ, the speed of the bias update. */
    public double biasSpeed(long step) {
        return progress(step) < config.biasSpeedOff() ? config.biasSpeed() : 0;
    }

    private double progress(long step) {
        return (double) step / config.steps();
    }
}
