package io.gatun.model.config;

/** How the gate selects experts by score (SPEC 2.5); {@code topk_method} of a config.json. */
public enum TopkMethod {
    /** With a selection bias; groups ranked by the sum of their two best biased scores: DeepSeek-V3. */
    NOAUX_TC,
    /** Without bias; groups ranked by their best score: DeepSeek-V2. */
    GROUP_LIMITED_GREEDY,
    /** Without bias or groups: DeepSeek-V2-Lite, DeepSeekMoE. */
    GREEDY
}
