package io.gatun.model;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.layer.Parameters;

/** What one decoded token reads of the weights. */
final class ActiveBytes {
    private ActiveBytes() {}

    static long of(ModelConfig config, Parameters parameters) {
        double bytes = 0;
        for (ParameterSpec spec : ModelParameters.of(config.withoutMtp())) {
            double share = switch (spec.role()) {
                case EMBEDDING -> 0;
                case EXPERT -> (double) config.numExpertsPerTok() / config.nRoutedExperts();
                default -> 1;
            };
            if (share > 0) bytes += share * parameters.storedBytes(spec);
        }
        return Math.round(bytes);
    }
}
