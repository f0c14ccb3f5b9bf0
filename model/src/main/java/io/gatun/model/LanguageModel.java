package io.gatun.model;

import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.generate.Session;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.layer.Workspace.Purpose;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.model.tokenizer.TokenizerJson;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model from a Hugging Face folder, ready to continue and to score text.
 *
 * <pre>{@code
 * try (LanguageModel model = LanguageModel.open(Path.of("runs/small"), LanguageModel.Options.defaults());
 *         Session session = model.newSession(512)) {
 *     GenerationRequest request = new GenerationRequest("telescope:", 64, Sampling.GREEDY, List.of());
 *     System.out.println(session.generate(request, piece -> true).text());
 * }
 * }</pre>
 */
public final class LanguageModel implements AutoCloseable {
    /**
     * How a model is opened.
     *
     * @param threads threads that compute
     * @param recipe what products round their operands to
     */
    public record Options(int threads, PrecisionRecipe recipe) {
        /** All processors, products in FP32. */
        public static Options defaults() {
            return new Options(Runtime.getRuntime().availableProcessors(), PrecisionRecipe.named("f32"));
        }
    }

    private final Path folder;
    private final Arena arena;
    private final Team team;
    private final Ops ops;
    private final ModelConfig config;
    private final DeepSeekV3 model;
    private Tokenizer tokenizer; // read when first asked for: scoring tokens needs none

    private LanguageModel(
            Path folder, Arena arena, Team team, ModelConfig config, Checkpoint checkpoint, PrecisionRecipe recipe) {
        this.folder = folder;
        this.arena = arena;
        this.team = team;
        this.config = config;
        ops = CpuOps.on(team);
        ParameterStore store = new ParameterStore(ops, arena, config, recipe, Purpose.INFERENCE);
        for (ParameterStore.Entry entry : store.entries()) checkpoint.read(entry.spec(), entry.value());
        store.refresh();
        model = new DeepSeekV3(ops, config, store, arena, config.maxPositionEmbeddings());
    }

    /**
     * Opens the Hugging Face folder {@code folder}: {@code config.json}, safetensors, and {@code tokenizer.json} for text.
     *
     * @throws ModelException when something is missing or does not fit; the message names file, tensor, expected and found
     */
    public static LanguageModel open(Path folder, Options options) {
        Team team = new Team(options.threads());
        Arena arena = Arena.ofShared();
        try (Arena mapped = Arena.ofShared()) {
            Checkpoint checkpoint = Checkpoint.open(folder, mapped);
            return new LanguageModel(folder, arena, team, checkpoint.config(), checkpoint, options.recipe());
        } catch (RuntimeException | Error failed) {
            arena.close();
            team.close();
            throw failed;
        }
    }

    public ModelConfig config() {
        return config;
    }

    /**
     * The folder's tokenizer.
     *
     * @throws ModelException when the folder has no {@code tokenizer.json}
     */
    public synchronized Tokenizer tokenizer() {
        if (tokenizer == null) {
            Path file = folder.resolve("tokenizer.json");
            if (!Files.exists(file))
                throw new ModelException(folder + " has no tokenizer.json, so it can read and write no text");
            tokenizer = TokenizerJson.read(file);
        }
        return tokenizer;
    }

    /** A new sequence with room for {@code positions} tokens; used by one thread at a time. */
    public Session newSession(int positions) {
        return new Session(ops, model, tokenizer(), positions);
    }

    /** A scorer of sequences of {@code sequence} tokens; used by one thread at a time. */
    public Scorer newScorer(int sequence) {
        return new Scorer(this, sequence);
    }

    /** Computes logits and losses of whole sequences, expanded attention, nothing cached. */
    public static final class Scorer implements AutoCloseable {
        private final DeepSeekV3 model;
        private final Ops ops;
        private final Arena memory = Arena.ofShared();
        private final ModelSlot slot;

        private Scorer(LanguageModel owner, int sequence) {
            model = owner.model;
            ops = owner.ops;
            slot = model.plan(new Workspace(ops, memory, Purpose.INFERENCE), 1, sequence);
        }

        /**
         * Writes {@code logits} [sequence, vocabulary] after each of {@code tokens}, i32 [1, sequence].
         *
         * @throws io.gatun.tensor.TensorException when shapes or ids do not fit
         */
        public void logits(Tensor logits, Tensor tokens) {
            model.load(tokens, slot);
            model.forward(slot);
            model.logits(logits, slot.hidden());
        }

        /** The sum of the losses in nats of predicting tokens 1 to sequence of {@code tokens}, i32 [1, sequence + 1]. */
        public double loss(Tensor tokens) {
            model.load(tokens, slot);
            model.forward(slot);
            model.loss(slot);
            return ops.elementwise().sum(slot.losses(0));
        }

        @Override
        public void close() {
            memory.close();
        }
    }

    /** Frees the model's memory and threads; sessions and scorers of it must have been closed before. */
    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
