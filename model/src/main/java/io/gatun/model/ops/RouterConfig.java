package io.gatun.model.ops;

import io.gatun.model.config.Scoring;

/**
 * Token-choice top-k routing of V1, V2 and V3 (SPEC 2.5).
 *
 * @param experts routed experts E
 * @param topK experts per token
 * @param groups groups of neighbouring experts
 * @param keptGroups groups a token may use; all experts of the others are out of question (-infinity)
 * @param scoring how logits become scores
 * @param biased whether a bias is added for selection (V3); a group's score is then the sum of its two best biased scores, else
 *     its best score
 * @param normalise whether the weights of the chosen are divided by their sum + 1e-20
 * @param scale factor on the weights ({@code routed_scaling_factor})
 */
public record RouterConfig(
        int experts,
        int topK,
        int groups,
        int keptGroups,
        Scoring scoring,
        boolean biased,
        boolean normalise,
        float scale) {
    public RouterConfig {
        if (experts < 1 || topK < 1 || topK > experts) {
            throw new IllegalArgumentException("top " + topK + " of " + experts + " experts is not possible");
        }
        if (groups < 1 || experts % groups != 0) {
            throw new IllegalArgumentException(experts + " experts do not divide into " + groups + " groups");
        }
        if (keptGroups < 1 || keptGroups > groups || topK > keptGroups * (experts / groups)) {
            throw new IllegalArgumentException("top " + topK + " from " + keptGroups + " of " + groups + " groups of "
                    + experts / groups + " experts is not possible");
        }
    }
}
