package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.ModelException;
import io.gatun.model.checkpoint.SafetensorsWriter;
import io.gatun.model.generate.Scorer;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How likely a model finds a text, or sequences of tokens; on request, its logits. */
@Command(
        name = "score",
        description = "Perplexity of a text, or the logits of sequences of tokens.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class ScoreCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "a Hugging Face folder")
    private Path folder;

    @ArgGroup(multiplicity = "1")
    private Input input;

    private static final class Input {
        @Option(
                names = "--text",
                paramLabel = "FILE",
                description = "UTF-8 text; each token is predicted once, in windows")
        private Path text;

        @Option(
                names = "--tokens",
                paramLabel = "FILE.json",
                description = "JSON array of equally long arrays of token ids; needs no tokenizer")
        private Path tokens;
    }

    @Option(
            names = "--logits",
            paramLabel = "OUT.safetensors",
            description = "with --tokens: write `logits` f32 [sequences, positions, vocabulary]")
    private Path logits;

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "with --text: tokens of one window (default: the model's longest sequence, at most 2048)")
    private int window;

    @Mixin
    private ModelOptions options;

    @Override
    public Integer call() throws IOException {
        if (logits != null && input.tokens == null) throw new IllegalArgumentException("--logits goes with --tokens");
        if (window < 0) throw new IllegalArgumentException("--window is " + window + "; it must be at least 1");
        try (LanguageModel model = LanguageModel.open(folder, options.resolve())) {
            if (input.tokens == null) {
                scoreText(model);
            } else {
                scoreTokens(model);
            }
        }
        return 0;
    }

    private void scoreText(LanguageModel model) throws IOException {
        byte[] bytes = Files.readAllBytes(input.text);
        int[] ids = model.tokenizer().encode(new String(bytes, StandardCharsets.UTF_8));
        if (ids.length < 2) throw new ModelException(input.text + " has " + ids.length + " tokens; two are the least");
        int length = window > 0 ? window : Math.min(2048, model.config().maxPositionEmbeddings());
        int predicted = ids.length - 1;
        double nats = 0;
        try (Scorer scorer = model.newScorer()) {
            for (int from = 0; from < predicted; from += length) {
                nats += scorer.loss(Arrays.copyOfRange(ids, from, Math.min(ids.length, from + length + 1)));
            }
        }
        System.out.printf(
                Locale.ROOT,
                "tokens %d, perplexity %.4f, nats per token %.4f, bits per byte %.4f (windows of %d)%n",
                predicted,
                Math.exp(nats / predicted),
                nats / predicted,
                nats / Math.log(2) / bytes.length,
                length);
    }

    private void scoreTokens(LanguageModel model) throws IOException {
        List<?> sequences = array(Json.read(input.tokens));
        int length = sequences.isEmpty() ? 0 : array(sequences.getFirst()).size();
        if (length < 2) throw new ModelException(input.tokens + " needs sequences of at least two ids");
        int vocabulary = model.config().vocabSize();
        double nats = 0;
        try (Arena arena = Arena.ofShared();
                Scorer scorer = model.newScorer()) {
            Tensor out = Tensor.zeros(arena, DType.F32, sequences.size(), length, vocabulary);
            for (int s = 0; s < sequences.size(); s++) {
                List<?> ids = array(sequences.get(s));
                if (ids.size() != length) {
                    throw new ModelException("%s: sequence %d has %d ids and the first %d; they must be equally long"
                            .formatted(input.tokens, s, ids.size(), length));
                }
                int[] tokens = new int[length];
                for (int i = 0; i < length; i++) tokens[i] = id(ids.get(i), vocabulary);
                Tensor rows = out.slice(s, s + 1).reshape(length, vocabulary);
                scorer.logits(rows, tokens);
                for (int i = 0; i + 1 < length; i++) nats += loss(rows, i, tokens[i + 1]);
            }
            if (logits != null) SafetensorsWriter.write(logits, Map.of("logits", out), Map.of());
        }
        int predicted = sequences.size() * (length - 1);
        System.out.printf(
                Locale.ROOT,
                "tokens %d, perplexity %.4f, nats per token %.4f%n",
                predicted,
                Math.exp(nats / predicted),
                nats / predicted);
    }

    private static double loss(Tensor logits, int row, int target) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.cols(); i++) max = Math.max(max, logits.get(row, i));
        double sum = 0;
        for (int i = 0; i < logits.cols(); i++) sum += Math.exp(logits.get(row, i) - max);
        return max + Math.log(sum) - logits.get(row, target);
    }

    private List<?> array(Object json) {
        if (json instanceof List<?> list) return list;
        throw new ModelException(input.tokens + " must be a JSON array of arrays of ids");
    }

    private int id(Object json, int vocabulary) {
        if (json instanceof Number n
                && n.intValue() == n.doubleValue()
                && n.intValue() >= 0
                && n.intValue() < vocabulary) {
            return n.intValue();
        }
        throw new ModelException(
                "%s: %s is no token id; the vocabulary has %d entries".formatted(input.tokens, json, vocabulary));
    }
}
