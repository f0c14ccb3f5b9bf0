package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.engine.Engine;
import io.gatun.model.generate.Drafting;
import io.gatun.model.precision.Compute;
import picocli.CommandLine.Option;

/** How a command opens a model. */
final class ModelOptions {
    @Option(names = "--threads", paramLabel = "N", description = "threads that compute (default: all processors)")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--compute",
            paramLabel = "FORMAT",
            description = "f32, bf16 or w8a8: what products compute with (default: f32 for F32 weights, else bf16)")
    private String compute;

    @Option(
            names = "--speculative",
            arity = "0..1",
            fallbackValue = "1",
            paramLabel = "N",
            description = "the MTP module drafts N tokens at once (1 when N is left out); the answer stays the same")
    private int drafts;

    @Option(
            names = "--copy-weights",
            description = "reads the weights into memory when the model opens, rather than mapping their files")
    private boolean copyWeights;

    @Option(names = "--engine", hidden = true, description = "auto, vector or assembled: whose loops multiply")
    private String engine = "auto";

    LanguageModel.Options resolve() {
        if (threads < 1) throw new IllegalArgumentException("--threads is " + threads + "; it must be at least 1");
        return LanguageModel.Options.defaults()
                .threads(threads)
                .compute(compute == null ? null : Compute.named(compute))
                .drafting(Drafting.of(drafts))
                .engine(Engine.named(engine))
                .copyWeights(copyWeights);
    }
}
