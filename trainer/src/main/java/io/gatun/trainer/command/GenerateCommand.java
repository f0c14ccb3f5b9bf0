package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.GenerationResult;
import io.gatun.model.generate.Session;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Continues a prompt: the text to stdout, all else to stderr. */
@Command(
        name = "generate",
        description = "Continues a prompt with a model from a Hugging Face folder.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class GenerateCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "a Hugging Face folder")
    private Path folder;

    @Option(names = "--prompt", required = true, paramLabel = "TEXT", description = "what to continue")
    private String prompt;

    @Option(names = "--max-tokens", paramLabel = "N", description = "most new tokens (default: ${DEFAULT-VALUE})")
    private int maxTokens = 256;

    @Option(names = "--stop", paramLabel = "TEXT", description = "ends the text; may be given several times")
    private List<String> stop = List.of();

    @Mixin
    private SamplingOptions sampling;

    @Mixin
    private ModelOptions options;

    @Override
    public Integer call() {
        GenerationRequest request = GenerationRequest.of(prompt)
                .maxTokens(maxTokens)
                .sampling(sampling.resolve())
                .stop(stop);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (LanguageModel model = LanguageModel.open(folder, options.resolve());
                Session session = model.newSession()) {
            out.print(prompt);
            long start = System.nanoTime();
            GenerationResult result = session.generate(request, piece -> {
                out.print(piece);
                out.flush();
                return true;
            });
            out.println();
            System.err.println(AnswerSummary.of(result, (System.nanoTime() - start) * 1e-9));
        }
        return 0;
    }
}
