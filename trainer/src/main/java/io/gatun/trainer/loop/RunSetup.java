package io.gatun.trainer.loop;

import io.gatun.model.cache.PagePool;
import io.gatun.model.generate.Drafting;
import io.gatun.model.generate.EndTokens;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.Passes;
import io.gatun.model.generate.Sampling;
import io.gatun.model.generate.Session;
import io.gatun.model.json.Json;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.model.tokenizer.TokenizerJson;
import io.gatun.tensor.DType;
import io.gatun.trainer.TrainerException;
import io.gatun.trainer.data.Corpus;
import io.gatun.trainer.data.TokenShards;
import io.gatun.trainer.report.HtmlReport;
import io.gatun.trainer.report.RunSummary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;

/** What stands around a run: its folder, its text, and what a person is told before and after. */
public final class RunSetup implements AutoCloseable {
    /** The file in a run folder that holds its configuration. */
    public static final String RUN_JSON = "run.json";

    private static final int SAMPLE_TOKENS = 240;

    private final RunFolder folder;
    private final RunFiles files;
    private final int threads;
    private RunConfig config;
    private TokenShards shards;

    public RunSetup(RunFolder folder, RunFiles files, int threads) {
        this.folder = folder;
        this.files = files;
        this.threads = threads;
    }

    /**
     * Prepares folder and text, and makes the run: from its newest checkpoint when {@code resume} is asked for and there is one.
     *
     * @throws TrainerException when there is a run already and {@code resume} was not asked for, or when the run to resume had
     *     another configuration or text
     */
    public TrainingRun start(RunConfig wanted, boolean resume) {
        config = wanted;
        if (folder.exists() && !resume) {
            throw new TrainerException(
                    folder.root() + " holds a run already: add --resume to go on with it, or choose another --out");
        }
        Optional<Path> newest = resume ? folder.newest() : Optional.empty();
        if (resume && newest.isEmpty()) say("nothing to resume in " + folder.root() + ": starting anew");
        if (newest.isPresent()) sameConfig(RunConfigJson.read(folder.root().resolve(RUN_JSON)));
        folder.prepare();
        Tokenizer tokenizer =
                files.tokenizer() == null ? new ByteLevelTokenizer() : TokenizerJson.read(files.tokenizer());
        openText(tokenizer);
        if (newest.isPresent()) sameText();
        if (newest.isEmpty()) write(RUN_JSON, RunConfigJson.write(config));
        if (newest.isEmpty()) write("data.json", Json.write(Map.of("training_tokens", shards.fingerprint())));
        newest.ifPresent(checkpoint -> {
            folder.link(checkpoint);
            say("going on from " + checkpoint);
        });
        TrainingRun run =
                new TrainingRun(config, folder, shards, tokenizer, Optional.ofNullable(files.init()), newest, threads);
        describe(run);
        return run;
    }

    private void openText(Tokenizer tokenizer) {
        Corpus corpus = files.data() == null
                ? Corpus.dictionary(config.seed())
                : files.valid() == null ? Corpus.of(files.data()) : Corpus.of(files.data(), files.valid());
        if (config.train().limitBytes() > 0)
            corpus = corpus.limitedTo(config.train().limitBytes());
        TokenizerEncoder encoder = new TokenizerEncoder(tokenizer, config.model(), tokenizerSource());
        shards = TokenShards.open(folder.root().resolve("data"), corpus, encoder);
        corpus.writeNotice(folder.root());
    }

    private String tokenizerSource() {
        if (files.tokenizer() == null) return "bytes";
        CRC32C checksum = new CRC32C();
        try {
            checksum.update(Files.readAllBytes(files.tokenizer()));
        } catch (IOException e) {
            throw new TrainerException("cannot read " + files.tokenizer() + ": " + e.getMessage(), e);
        }
        return "%08x".formatted(checksum.getValue());
    }

    private void sameConfig(RunConfig before) {
        difference("", RunConfigJson.tree(before), RunConfigJson.tree(config)).ifPresent(d -> {
            throw new TrainerException(
                    "cannot resume " + folder.root() + ": " + d + "; a resumed run keeps its configuration");
        });
    }

    private static Optional<String> difference(String path, Map<?, ?> before, Map<?, ?> now) {
        for (Map.Entry<?, ?> field : now.entrySet()) {
            Object was = before.get(field.getKey());
            Object is = field.getValue();
            String name = path + field.getKey();
            if (is instanceof Map<?, ?> part && was instanceof Map<?, ?> other) {
                Optional<String> inside = difference(name + ".", other, part);
                if (inside.isPresent()) return inside;
            } else if (!String.valueOf(was).equals(String.valueOf(is)) && !name.equals("name")) {
                return Optional.of(name + " was " + was + " and is " + is);
            }
        }
        return Optional.empty();
    }

    private void sameText() {
        Path file = folder.root().resolve("data.json");
        Object before = ((Map<?, ?>) Json.read(file)).get("training_tokens");
        if (!shards.fingerprint().equals(before)) {
            throw new TrainerException("cannot resume %s: the training text is another one than before (%s, now %s)"
                    .formatted(folder.root(), before, shards.fingerprint()));
        }
    }

    private void describe(TrainingRun run) {
        long parameters = run.parameters().entries().stream()
                .mapToLong(e -> e.spec().count())
                .sum();
        say("%s: %s parameters, %d layers + %d MTP, %d experts top-%d; %s on %d threads; text %s MB"
                .formatted(
                        config.name(),
                        millions(parameters),
                        config.model().numHiddenLayers(),
                        config.model().numNextnPredictLayers(),
                        config.model().nRoutedExperts(),
                        config.model().numExpertsPerTok(),
                        config.recipe(),
                        threads,
                        "%.1f".formatted(shards.train().textBytes() / 1e6)));
    }

    private static String millions(long count) {
        return count >= 1_000_000 ? String.format(Locale.ROOT, "%.2f M", count / 1e6) : String.valueOf(count);
    }

    /** Writes the report of a finished run, and tells what it left and what to do next. */
    public void finish(TrainingRun run) {
        String prompt = files.data() == null ? "telescope:" : prompt(run.tokenizer());
        String sample = sample(run, prompt);
        Path report = HtmlReport.write(folder.root(), summary(run, prompt, sample));
        say("");
        say(String.format(
                Locale.ROOT,
                "held-out text: %.3f bits per byte after %d steps, %.1f M tokens, %.0f s of training",
                run.bitsPerByte(),
                run.state().step(),
                run.state().tokens() / 1e6,
                run.state().seconds()));
        say("sample:  " + (prompt + sample).strip().replace("\n", "\n         "));
        say("model:   " + folder.root() + "   (a Hugging Face folder)");
        say("report:  " + report);
        say("next:    ./gatun generate --model " + folder.root() + " --prompt \"" + prompt.replace("\n", " ") + "\"");
    }

    private String prompt(Tokenizer tokenizer) { // the beginning of the held-out text
        int count = (int) Math.min(24, shards.heldOut().tokens() - 1);
        int[] ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = shards.heldOut().token(i + 1L);
        return tokenizer.decode(ids).replace("\uFFFD", "");
    }

    private String sample(TrainingRun run, String prompt) {
        int positions = config.model().maxPositionEmbeddings();
        Sampling sampling = Sampling.GREEDY.temperature(0.7).topP(0.95).seed(config.seed());
        int room =
                Math.max(1, Math.min(SAMPLE_TOKENS, positions - run.tokenizer().encode(prompt).length));
        GenerationRequest request = GenerationRequest.of(prompt).maxTokens(room).sampling(sampling);
        try (Arena arena = Arena.ofShared()) {
            PagePool pages = new PagePool(run.ops(), arena, config.model(), DType.F32);
            Passes passes = new Passes(run.ops(), run.model(), arena, pages, config.recipe(), positions, Drafting.NONE);
            try (Session session =
                    new Session(passes, run::tokenizer, EndTokens.of(config.model()), positions, () -> {}, () -> {})) {
                return session.generate(request, piece -> true).text();
            }
        }
    }

    private RunSummary summary(TrainingRun run, String prompt, String sample) {
        LinkedHashMap<String, String> configuration = new LinkedHashMap<>();
        RunConfigJson.tree(config).forEach((name, value) -> {
            if (value instanceof Map<?, ?> part) {
                part.forEach((field, v) -> configuration.put(name + "." + field, String.valueOf(v)));
            } else {
                configuration.put(name, String.valueOf(value));
            }
        });
        LinkedHashMap<String, String> result = new LinkedHashMap<>();
        result.put("held-out bits per byte", String.format(Locale.ROOT, "%.4f", run.bitsPerByte()));
        result.put("steps", String.valueOf(run.state().step()));
        result.put("tokens", String.valueOf(run.state().tokens()));
        result.put(
                "seconds of training",
                String.format(Locale.ROOT, "%.1f", run.state().seconds()));
        result.put("folder", folder.root().toString());
        return new RunSummary(config.name(), configuration, result, prompt, sample);
    }

    private void write(String name, String text) {
        try {
            Files.writeString(folder.root().resolve(name), text);
        } catch (IOException e) {
            throw new TrainerException("cannot write " + folder.root().resolve(name) + ": " + e.getMessage(), e);
        }
    }

    private static void say(String line) {
        System.err.println(line);
    }

    @Override
    public void close() {
        if (shards != null) shards.close();
    }
}
