package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.GenerationResult;
import io.gatun.model.generate.Sampling;
import io.gatun.model.generate.Session;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "0 takes the most likely token (default: ${DEFAULT-VALUE})")
    private double temperature = 0.7;

    @Option(names = "--top-p", paramLabel = "P", description = "(default: ${DEFAULT-VALUE})")
    private double topP = 0.95;

    @Option(names = "--top-k", paramLabel = "K", description = "0: all (default: ${DEFAULT-VALUE})")
    private int topK = 0;

    @Option(names = "--min-p", paramLabel = "P", description = "0: all (default: ${DEFAULT-VALUE})")
    private double minP = 0;

    @Option(names = "--repetition-penalty", paramLabel = "X", description = "1: none (default: ${DEFAULT-VALUE})")
    private double repetitionPenalty = 1;

    @Option(names = "--stop", paramLabel = "TEXT", description = "ends the text; may be given several times")
    private List<String> stop = List.of();

    @Option(names = "--seed", paramLabel = "N", description = "of sampling (default: ${DEFAULT-VALUE})")
    private long seed = 1;

    @Mixin
    private ModelOptions options;

    @Override
    public Integer call() {
        Sampling sampling = new Sampling(temperature, topP, topK, minP, repetitionPenalty, seed);
        GenerationRequest request = new GenerationRequest(prompt, maxTokens, sampling, stop);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try (LanguageModel model = LanguageModel.open(folder, options.resolve())) {
            int positions = model.config().maxPositionEmbeddings();
            try (Session session = model.newSession(Math.min(positions, promptTokens(model) + maxTokens))) {
                out.print(prompt);
                long start = System.nanoTime();
                GenerationResult result = session.generate(request, piece -> {
                    out.print(piece);
                    out.flush();
                    return true;
                });
                out.println();
                double seconds = (System.nanoTime() - start) * 1e-9;
                System.err.printf(
                        "%d prompt tokens, %d new tokens in %.2f s; finished by %s%n",
                        result.promptTokens(),
                        result.ids().length,
                        seconds,
                        result.finish().name().toLowerCase(Locale.ROOT));
            }
        }
        return 0;
    }

    private int promptTokens(LanguageModel model) {
        return Math.max(1, model.tokenizer().encode(prompt).length);
    }
}
