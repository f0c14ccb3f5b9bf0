package io.gatun.trainer.command;

import io.gatun.trainer.TrainerException;
import io.gatun.trainer.loop.RunConfig;
import io.gatun.trainer.loop.RunConfigJson;
import io.gatun.trainer.loop.RunFiles;
import io.gatun.trainer.loop.RunFolder;
import io.gatun.trainer.loop.RunSetup;
import io.gatun.trainer.loop.TrainingRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model from text and leaves a Hugging Face folder. */
@Command(
        name = "train",
        description = "Trains a model from text; without options, a small one from the built-in dictionary.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class TrainCommand implements Callable<Integer> {
    private static final String DEFAULT_CONFIG = "small";
    private static final int INTERRUPTED = 130;

    @Option(
            names = "--config",
            paramLabel = "NAME|FILE",
            description = "built-in name or file (default: " + DEFAULT_CONFIG + ")")
    private String config;

    @Option(
            names = "--set",
            paramLabel = "FIELD=VALUE",
            description = "overrides a field, such as train.lr=3e-4; repeatable")
    private List<String> sets = new ArrayList<>();

    @Option(
            names = "--data",
            paramLabel = "FILE|DIR",
            description = "text, JSONL with a `text` field, or a folder (default: the WordNet dictionary)")
    private Path data;

    @Option(
            names = "--valid",
            paramLabel = "FILE|DIR",
            description = "held-out text (default: a part of --data, never trained on)")
    private Path valid;

    @Option(names = "--tokenizer", paramLabel = "FILE", description = "a tokenizer.json (default: bytes)")
    private Path tokenizer;

    @Option(names = "--init", paramLabel = "DIR", description = "start from the weights of a Hugging Face folder")
    private Path init;

    @Option(names = "--steps", paramLabel = "N", description = "optimizer steps")
    private Integer steps;

    @Option(names = "--seed", paramLabel = "N", description = "of weights and batches (default: 1)")
    private Long seed;

    @Option(names = "--recipe", paramLabel = "FORMAT", description = "f32 or bf16 (default: f32)")
    private String recipe;

    @Option(names = "--threads", paramLabel = "N", description = "threads that compute (default: all processors)")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--device", paramLabel = "DEVICE", description = "cpu (default: ${DEFAULT-VALUE})")
    private String device = "cpu";

    @Option(names = "--out", paramLabel = "DIR", description = "the run's folder (default: runs/NAME)")
    private Path out;

    @Option(names = "--checkpoint-every", paramLabel = "N", description = "steps between checkpoints")
    private Integer checkpointEvery;

    @Option(names = "--resume", description = "go on from the newest checkpoint")
    private boolean resume;

    @Override
    public Integer call() {
        if (threads < 1) throw new IllegalArgumentException("--threads is " + threads + "; it must be at least 1");
        if (!device.equals("cpu"))
            throw new IllegalArgumentException("--device is " + device + "; this build trains on cpu");
        if (valid != null && data == null) throw new IllegalArgumentException("--valid goes with --data");
        if (steps != null) sets.add("train.steps=" + steps);
        if (checkpointEvery != null) sets.add("train.checkpoint_every=" + checkpointEvery);
        RunConfig wanted = RunConfigJson.resolve(
                config == null ? DEFAULT_CONFIG : config,
                sets,
                recipe == null ? "f32" : recipe,
                seed == null ? 1 : seed);
        Path folder = out == null ? Path.of("runs", wanted.name()) : out;
        RunSetup setup =
                new RunSetup(new RunFolder(folder), new RunFiles(folder, data, valid, tokenizer, init), threads);
        boolean kept = resume && Files.exists(folder.resolve(RunSetup.RUN_JSON));
        boolean asked = config != null || !sets.isEmpty() || recipe != null || seed != null;
        RunConfig used = kept && !asked ? RunConfigJson.read(folder.resolve(RunSetup.RUN_JSON)) : wanted;
        try (RunSetup open = setup;
                TrainingRun run = open.start(used, resume)) {
            TrainingRun.Outcome outcome = run.run();
            if (outcome == TrainingRun.Outcome.INTERRUPTED) return INTERRUPTED;
            open.finish(run);
            return 0;
        } catch (OutOfMemoryError e) {
            throw new TrainerException(
                    "not enough memory: use a smaller train.micro_batch or model (" + e.getMessage() + ")", e);
        }
    }
}
