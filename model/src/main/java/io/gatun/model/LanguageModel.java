package io.gatun.model;

import io.gatun.model.cache.PagePool;
import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.engine.Engine;
import io.gatun.model.generate.BatchRunner;
import io.gatun.model.generate.Drafting;
import io.gatun.model.generate.EndTokens;
import io.gatun.model.generate.Passes;
import io.gatun.model.generate.Scorer;
import io.gatun.model.generate.Session;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.MappedParameters;
import io.gatun.model.layer.Parameters;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.Compute;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.model.tokenizer.TokenizerJson;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * A model from a Hugging Face folder, ready to continue and to score text. Its weights are used where they lie in the mapped files.
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.open(Path.of("runs/small"), LanguageModel.Options.defaults());
 *         Session session = model.newSession()) {
 *     GenerationRequest request = GenerationRequest.of("telescope:").maxTokens(64);
 *     session.generate(request, piece -> {
 *         System.out.print(piece);
 *         return true; // go on
 *     });
 * }
 * }</pre>
 *
 * A model is shared by threads; a {@link Session} serves one caller at a time. Passes of several sessions take turns on the model's
 * threads, first come first served; a {@link BatchRunner} runs many sequences in one pass.
 */
public final class LanguageModel implements AutoCloseable {
    /**
     * How a model is opened.
     *
     * @param threads threads that compute
     * @param compute what products compute with; null chooses by the type of the weights
     * @param drafting what the MTP module drafts for speculative decoding
     * @param prefillChunk most tokens of a prompt in one pass; others may take their turn between passes
     * @param engine whose innermost loops multiply
     * @param copyWeights whether weights are read into memory when the model opens, rather than mapped: files may then change, and memory may
     *     lie in large pages
     */
    public record Options(
            int threads, Compute compute, Drafting drafting, int prefillChunk, Engine engine, boolean copyWeights) {
        public Options {
            if (threads < 1) throw new IllegalArgumentException("threads is " + threads + "; it must be at least 1");
            if (prefillChunk < 1) {
                throw new IllegalArgumentException("prefillChunk is " + prefillChunk + "; it must be at least 1");
            }
        }

        /** All processors, compute by the type of the weights, no drafts, chunks of 512 tokens, the fastest engine, files mapped. */
        public static Options defaults() {
            return new Options(
                    Runtime.getRuntime().availableProcessors(), null, Drafting.NONE, 512, Engine.AUTO, false);
        }

        public Options threads(int other) {
            return new Options(other, compute, drafting, prefillChunk, engine, copyWeights);
        }

        public Options compute(Compute other) {
            return new Options(threads, other, drafting, prefillChunk, engine, copyWeights);
        }

        public Options drafting(Drafting other) {
            return new Options(threads, compute, other, prefillChunk, engine, copyWeights);
        }

        public Options prefillChunk(int other) {
            return new Options(threads, compute, drafting, other, engine, copyWeights);
        }

        public Options engine(Engine other) {
            return new Options(threads, compute, drafting, prefillChunk, other, copyWeights);
        }

        public Options copyWeights(boolean other) {
            return new Options(threads, compute, drafting, prefillChunk, engine, other);
        }

        private ModelConfig of(ModelConfig config) {
            return drafting.tokens() > 0 ? config : config.withoutMtp();
        }

        private Compute computeFor(DType weights) {
            return compute != null ? compute : Compute.of(weights);
        }
    }

    /**
     * What a model is made of.
     *
     * @param checkpoint its files; null for a model without
     * @param config without MTP modules where nothing is drafted
     */
    private record Source(
            Checkpoint checkpoint, ModelConfig config, Parameters parameters, Compute compute, EndTokens ends) {}

    private interface Opener {
        Source open(Ops ops, Team team, Arena arena);
    }

    private final Source source;
    private final Arena arena;
    private final Team team;
    private final Passes passes;
    private final AtomicInteger users = new AtomicInteger(); // open sessions, scorers, runners; negative: closed
    private Tokenizer tokenizer; // read when first asked for: scoring tokens needs none

    private LanguageModel(Options options, Opener opener) {
        arena = Arena.ofShared();
        team = new Team(options.threads());
        try {
            Ops ops = CpuOps.on(team, options.engine().loops());
            source = opener.open(ops, team, arena);
            ModelConfig config = source.config;
            if (options.drafting().tokens() > 0 && config.numNextnPredictLayers() == 0) {
                throw new ModelException("the model has no MTP module (num_nextn_predict_layers), so it cannot draft");
            }
            int positions = Math.min(1024, config.maxPositionEmbeddings()); // to begin with
            DeepSeekV3 model = new DeepSeekV3(ops, config, source.parameters, arena, positions);
            PagePool pages = new PagePool(ops, arena, config, source.compute.cache());
            String compute = source.compute.toString();
            passes = new Passes(ops, model, arena, pages, compute, options.prefillChunk(), options.drafting());
        } catch (RuntimeException | Error failed) {
            team.close();
            arena.close();
            throw failed;
        }
    }

    /**
     * Opens the Hugging Face folder {@code folder}: {@code config.json}, safetensors, and {@code tokenizer.json} for text. Nothing is
     * copied but norms, unless {@link Options#copyWeights} asks for it; memory is read when weights are first used.
     *
     * @throws ModelException when something is missing or does not fit; the message names file, tensor, expected and found
     */
    public static LanguageModel open(Path folder, Options options) {
        LoadEvent event = new LoadEvent();
        event.begin();
        LanguageModel model = new LanguageModel(options, (ops, team, arena) -> {
            Checkpoint checkpoint = Checkpoint.open(folder, arena, options.copyWeights());
            ModelConfig config = options.of(checkpoint.config());
            Compute compute = options.computeFor(checkpoint.weightType());
            Parameters parameters = new MappedParameters(ops, arena, checkpoint, compute);
            return new Source(checkpoint, config, parameters, compute, EndTokens.read(folder, config));
        });
        event.folder = folder.toString();
        event.tensors = model.source.checkpoint.names().size();
        event.commit();
        return model;
    }

    /** A model of that shape with seeded random weights of type {@code dtype} in memory, to measure with; it has no tokenizer. */
    public static LanguageModel random(ModelConfig shape, DType dtype, long seed, Options options) {
        return new LanguageModel(options, (ops, team, arena) -> {
            ModelConfig config = options.of(shape);
            Compute compute = options.computeFor(dtype);
            Parameters parameters = new RandomParameters(ops, arena, team, config, dtype, compute, seed);
            return new Source(null, config, parameters, compute, EndTokens.of(config));
        });
    }

    /** The model's shape; without MTP modules where nothing is drafted. */
    public ModelConfig config() {
        return source.config;
    }

    /** What products compute with. */
    public Compute compute() {
        return source.compute;
    }

    /**
     * The folder's tokenizer.
     *
     * @throws ModelException when the folder has no {@code tokenizer.json}
     */
    public synchronized Tokenizer tokenizer() {
        if (tokenizer == null) {
            if (source.checkpoint == null) throw new ModelException("a model without files has no tokenizer");
            Path file = source.checkpoint.folder().resolve("tokenizer.json");
            if (!Files.exists(file)) {
                throw new ModelException(
                        source.checkpoint.folder() + " has no tokenizer.json, so it can read and write no text");
            }
            tokenizer = TokenizerJson.read(file);
        }
        return tokenizer;
    }

    /** A new sequence of as many tokens as the model allows; its cache grows with it. */
    public Session newSession() {
        return newSession(config().maxPositionEmbeddings());
    }

    /**
     * A new sequence of at most {@code positions} tokens.
     *
     * @throws ModelException when the model does not allow so many, or its files have changed since it was opened
     * @throws IllegalStateException when the model is closed
     */
    public Session newSession(int positions) {
        return user(() -> new Session(
                passes, this::tokenizer, source.ends, positions, users::incrementAndGet, users::decrementAndGet));
    }

    /**
     * A runner that answers many requests at once: at most {@code most} sequences of at most {@code positions} tokens step together.
     *
     * @throws ModelException when so many cannot step together, or the model's files have changed since it was opened
     * @throws IllegalStateException when the model is closed
     */
    public BatchRunner newBatchRunner(int most, int positions) {
        return user(
                () -> new BatchRunner(passes, this::tokenizer, source.ends, most, positions, users::decrementAndGet));
    }

    /**
     * A scorer of whole sequences; used by one thread at a time.
     *
     * @throws ModelException when the model's files have changed since it was opened
     * @throws IllegalStateException when the model is closed
     */
    public Scorer newScorer() {
        return user(() -> new Scorer(passes, users::decrementAndGet));
    }

    /** Makes something that uses the model, and counts it. */
    private <T> T user(Supplier<T> make) {
        if (users.getAndUpdate(count -> count < 0 ? count : count + 1) < 0) {
            throw new IllegalStateException("the model is closed");
        }
        try {
            if (source.checkpoint != null) source.checkpoint.checkUnchanged();
            return make.get();
        } catch (RuntimeException | Error failed) {
            users.decrementAndGet();
            throw failed;
        }
    }

    /**
     * Runs a prompt and some steps on random tokens, so that the first request finds compiled kernels and weights in memory.
     *
     * @param tokens how many tokens the prompt has; as many steps follow
     */
    public void warmUp(int tokens) {
        int count = Math.max(1, Math.min(tokens, config().maxPositionEmbeddings() / 2));
        int[] ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = (int) ((i * 2654435761L & 0x7fffffff) % config().vocabSize());
        try (Session session = newSession(2 * count)) {
            session.prefill(ids);
            for (int id : ids) session.step(id);
        }
    }

    /** Bytes of weights that one decoded token reads: of the routed experts those that it chooses, of the embedding nothing. */
    public long activeWeightBytes() {
        return ActiveBytes.of(source.config, source.parameters);
    }

    /**
     * Frees the model's memory and threads; a second call does nothing.
     *
     * @throws IllegalStateException when sessions, scorers or batch runners of it are open
     */
    @Override
    public void close() {
        int open = users.compareAndExchange(0, Integer.MIN_VALUE);
        if (open < 0) return;
        if (open > 0) {
            throw new IllegalStateException(
                    "%d sessions, scorers or batch runners of the model are open; close them first".formatted(open));
        }
        team.close();
        arena.close();
    }
}
