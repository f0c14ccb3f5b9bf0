package io.gatun.trainer.command;

import io.gatun.model.generate.Sampling;
import java.util.Map;
import picocli.CommandLine.Option;

/** How a command draws tokens. */
final class SamplingOptions {
    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "0 takes the most likely token (default: ${DEFAULT-VALUE})")
    private double temperature = 0.7;

    @Option(names = "--top-p", paramLabel = "P", description = "1: all (default: ${DEFAULT-VALUE})")
    private double topP = 0.95;

    @Option(names = "--top-k", paramLabel = "K", description = "0: all (default: ${DEFAULT-VALUE})")
    private int topK = 0;

    @Option(names = "--min-p", paramLabel = "P", description = "0: all (default: ${DEFAULT-VALUE})")
    private double minP = 0;

    @Option(names = "--repetition-penalty", paramLabel = "X", description = "1: none (default: ${DEFAULT-VALUE})")
    private double repetitionPenalty = 1;

    @Option(
            names = "--logit-bias",
            paramLabel = "ID=X",
            description = "adds X to a token's logit; may be given several times")
    private Map<Integer, Double> logitBias = Map.of();

    @Option(names = "--seed", paramLabel = "N", description = "of sampling (default: ${DEFAULT-VALUE})")
    private long seed = 1;

    Sampling resolve() {
        return new Sampling(temperature, topP, topK, minP, repetitionPenalty, logitBias, seed);
    }
}
