package io.gatun.model.layer;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.TopkMethod;
import io.gatun.model.ops.RouterConfig;

/** The router that a configuration names (SPEC 2.5). */
final class Routers {
    private Routers() {}

    static RouterConfig of(ModelConfig config) {
        boolean grouped = config.topkMethod() != TopkMethod.GREEDY;
        return new RouterConfig(
                config.nRoutedExperts(),
                config.numExpertsPerTok(),
                grouped ? config.nGroup() : 1,
                grouped ? config.topkGroup() : 1,
                config.scoringFunc(),
                config.hasSelectionBias(),
                config.normTopkProb(),
                (float) config.routedScalingFactor());
    }
}
