package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.precision.PrecisionRecipe;
import picocli.CommandLine.Option;

/** How a command opens a model. */
final class ModelOptions {
    @Option(names = "--threads", paramLabel = "N", description = "threads that compute (default: all processors)")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--compute",
            paramLabel = "FORMAT",
            description = "f32 or bf16: what products round to (default: ${DEFAULT-VALUE})")
    private String compute = "f32";

    LanguageModel.Options resolve() {
        if (threads < 1) throw new IllegalArgumentException("--threads is " + threads + "; it must be at least 1");
        return new LanguageModel.Options(threads, PrecisionRecipe.named(compute));
    }
}
