package io.gatun.model.config;

import static io.gatun.model.config.Rules.positive;
import static io.gatun.model.config.Rules.rule;

/**
 * How rotary frequencies are stretched beyond the context that a model was first trained with (SPEC 2.4);
 * {@code rope_scaling} of a config.json.
 */
public record Yarn(
        double factor, // how many times longer the context became
        double betaFast, // turns within the original context above which a frequency is kept
        double betaSlow, // turns below which it is divided by the factor
        double mscale, // of the rotary tables; equal to mscaleAllDim, so that the tables stay unscaled
        double mscaleAllDim, // of the attention scores
        int originalMaxPositionEmbeddings) { // the original context, in tokens
    public Yarn {
        rule(
                factor >= 1 && factor < Double.POSITIVE_INFINITY,
                "rope_scaling.factor is %s; a stretch is at least 1",
                factor);
        positive("rope_scaling.beta_slow", betaSlow);
        rule(
                betaFast > betaSlow && betaFast < Double.POSITIVE_INFINITY,
                "rope_scaling.beta_fast is %s and beta_slow is %s: the ramp runs from more turns to fewer",
                betaFast,
                betaSlow);
        rule(
                mscale == mscaleAllDim,
                "rope_scaling.mscale is %s and mscale_all_dim is %s: only equal ones are known",
                mscale,
                mscaleAllDim);
        rule(mscale >= 0 && mscale < Double.POSITIVE_INFINITY, "rope_scaling.mscale is %s; it is not negative", mscale);
        positive("rope_scaling.original_max_position_embeddings", originalMaxPositionEmbeddings);
    }

    /** What attention scores are multiplied by, beside the square root of the head's width: m² with m = 0.1 mscale ln s + 1. */
    public double scoreFactor() {
        double m = 0.1 * mscaleAllDim * Math.log(factor) + 1;
        return m * m;
    }
}
