package io.gatun.trainer.loop;

import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.checkpoint.CheckpointWriter;
import io.gatun.model.collective.Collectives;
import io.gatun.model.collective.SoloCollectives;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.Initialisation;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.balance.ExpertLoad;
import io.gatun.trainer.data.BatchSampler;
import io.gatun.trainer.data.HeldOut;
import io.gatun.trainer.data.TokenShards;
import io.gatun.trainer.optim.Optimizer;
import io.gatun.trainer.report.MetricsCsv;
import io.gatun.trainer.report.MetricsSink;
import io.gatun.trainer.report.Progress;
import io.gatun.trainer.report.StepMetrics;
import io.gatun.trainer.report.TensorBoardEvents;
import io.gatun.trainer.schedule.Schedule;
import io.gatun.trainer.schedule.TrainConfig;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;

/** One run from its first step, or from its newest checkpoint, to its last. */
public final class TrainingRun implements AutoCloseable {
    /** How a call of {@link #run} ended. */
    public enum Outcome {
        FINISHED,
        INTERRUPTED
    }

    private final RunConfig config;
    private final TrainConfig train;
    private final RunFolder folder;
    private final TokenShards shards;
    private final Tokenizer tokenizer;
    private final PrecisionRecipe recipe;
    private final Arena arena = Arena.ofShared();
    private final Team team;
    private final Ops ops;
    private final Collectives collectives = new SoloCollectives();
    private final ParameterStore store;
    private final DeepSeekV3 model;
    private final Optimizer optimizer;
    private final Evaluation evaluation;
    private final TrainStep trainStep;
    private final HeldOut heldOut;
    private TrainingState state = new TrainingState(0, 0, 0, 0);
    private double bitsPerByte = Double.NaN;

    /**
     * Makes the model, and fills it: from {@code start} if given (a checkpoint of this run), else from {@code init} if given
     * (a Hugging Face folder), else with random numbers.
     */
    public TrainingRun(
            RunConfig config,
            RunFolder folder,
            TokenShards shards,
            Tokenizer tokenizer,
            Optional<Path> init,
            Optional<Path> start,
            int threads) {
        this.config = config;
        this.folder = folder;
        this.shards = shards;
        this.tokenizer = tokenizer;
        train = config.train();
        recipe = PrecisionRecipe.named(config.recipe());
        ModelConfig shape = config.model();
        team = new Team(threads);
        ops = CpuOps.on(team);
        store = new ParameterStore(ops, arena, shape, recipe, true);
        model = new DeepSeekV3(ops, shape, store, arena, shape.maxPositionEmbeddings());
        int sequence = train.sequenceLength();
        Workspace workspace = Workspace.training(ops, arena);
        ModelSlot slot = model.plan(workspace, train.microBatch(), sequence);
        Tensor tokens = ops.ints(arena, train.microBatch(), sequence + 1);
        optimizer = new Optimizer(ops, arena, store, train);
        evaluation = new Evaluation(ops, model, slot, tokens);
        BatchSampler sampler = new BatchSampler(shards.train(), sequence, config.seed());
        heldOut = new HeldOut(shards.heldOut(), sequence);
        trainStep = new TrainStep(ops, model, store, optimizer, train, collectives, sampler::fill, slot, tokens);
        if (start.isPresent()) {
            state = TrainingState.read(start.get(), store, optimizer);
        } else if (init.isPresent()) {
            readWeights(init.get());
        } else {
            Initialisation.normal(store, train.initStd(), config.seed());
        }
    }

    private void readWeights(Path init) {
        try (Arena mapped = Arena.ofShared()) {
            Checkpoint checkpoint = Checkpoint.open(init, mapped);
            for (ParameterStore.Entry entry : store.entries()) checkpoint.read(entry.spec(), entry.value());
        }
        store.refresh();
    }

    /** Where the run stands. */
    public TrainingState state() {
        return state;
    }

    /** Held-out bits per byte over the whole held-out text at the end of the run; NaN before. */
    public double bitsPerByte() {
        return bitsPerByte;
    }

    public RunFolder folder() {
        return folder;
    }

    /** The model with its present weights, for a sample of what it writes. */
    public DeepSeekV3 model() {
        return model;
    }

    public Ops ops() {
        return ops;
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The plan's memory by tensor. */
    public ParameterStore parameters() {
        return store;
    }

    /**
     * Steps until the last, with held-out losses and checkpoints at their intervals; an interrupt ends it after a step with a
     * checkpoint.
     *
     * @throws NotFiniteException when a loss is not finite; checkpoints stay as they were
     */
    public Outcome run() {
        long steps = train.steps();
        try (Interrupt interrupt = new Interrupt();
                MetricsSink metrics = metrics()) {
            while (state.step() < steps) {
                step(metrics);
                long step = state.step();
                boolean last = step == steps;
                if (step % train.evalEvery() == 0 && !last) {
                    metrics.heldOut(step, evaluation.bitsPerByte(sampleOfHeldOut()));
                }
                if (interrupt.requested() && !last) {
                    checkpoint();
                    System.err.println(interrupted(step)); // now: the process ends as soon as the interrupt is closed
                    return Outcome.INTERRUPTED;
                }
                if (step % train.checkpointEvery() == 0 && !last) checkpoint();
            }
            bitsPerByte = evaluation.bitsPerByte(heldOut);
            metrics.heldOut(steps, bitsPerByte);
            checkpoint();
            return Outcome.FINISHED;
        }
    }

    private String interrupted(long step) {
        return "%ninterrupted after step %d; its checkpoint is complete. Go on with: gatun train --resume --out %s"
                .formatted(step, folder.root());
    }

    private HeldOut sampleOfHeldOut() {
        return heldOut.sample((long) train.evalBatches() * train.microBatch());
    }

    private void step(MetricsSink metrics) {
        long start = System.nanoTime();
        StepResult r = trainStep.run(state.step(), state.cursor());
        double seconds = (System.nanoTime() - start) * 1e-9;
        state = new TrainingState(
                r.step, state.cursor() + r.batchSize, state.tokens() + r.tokens, state.seconds() + seconds);
        metrics.step(new StepMetrics(
                r.step,
                state.tokens(),
                r.batchSize,
                r.loss,
                r.mtpLoss,
                r.balanceLoss,
                r.learningRate,
                r.gradientNorm,
                r.tokens / seconds,
                trainStep.load().counts()));
    }

    private void checkpoint() {
        folder.write(state.step(), train.keepCheckpoints(), target -> {
            CheckpointWriter.write(
                    target,
                    config.model(),
                    spec -> store.entry(spec.name()).value(),
                    recipe.exportType(),
                    CheckpointWriter.SHARD_BYTES);
            tokenizer.write(target);
            state.write(target, store, optimizer);
        });
    }

    private MetricsSink metrics() {
        ExpertLoad load = trainStep.load();
        int[] layers = IntStream.range(0, load.size()).map(load::layer).toArray();
        int experts = config.model().nRoutedExperts();
        int every = Math.max(1, train.steps() / 200);
        Path root = folder.root();
        Progress progress = Progress.onStderr(new Progress.Goal(train.steps(), totalTokens(), bytesPerToken()));
        return state.step() == 0
                ? MetricsSink.all(
                        MetricsCsv.start(root, layers, experts, every), TensorBoardEvents.start(root, layers), progress)
                : MetricsSink.all(
                        MetricsCsv.resume(root, state.step(), layers, experts, every),
                        TensorBoardEvents.resume(root, state.step(), layers),
                        progress);
    }

    private long totalTokens() {
        Schedule schedule = new Schedule(train);
        long sequences = 0;
        for (long step = 0; step < train.steps(); step++)
            sequences += (long) schedule.microBatches(step) * train.microBatch();
        return sequences * train.sequenceLength();
    }

    private double bytesPerToken() {
        return (double) shards.train().textBytes() / shards.train().tokens();
    }

    /** Frees memory and threads. */
    @Override
    public void close() {
        collectives.close();
        team.close();
        arena.close();
    }
}
