package io.gatun.model.config;

/** How the gate turns its logits into scores (SPEC 2.5); {@code scoring_func} of a config.json. */
public enum Scoring {
    /** Each expert's score for itself: DeepSeek-V3. */
    SIGMOID,
    /** Scores of one token sum to one over all routed experts: DeepSeek-V2, DeepSeekMoE. */
    SOFTMAX
}
