package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.config.Configs;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.trainer.loop.RunConfig;
import io.gatun.trainer.loop.RunConfigJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Speed of inference, or of training steps. */
@Command(
        name = "bench",
        description = "Measures prefill and decoding of a model, or training steps on random ids.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {
    @ArgGroup(multiplicity = "1")
    private Subject subject;

    private static final class Subject {
        @Option(names = "--model", paramLabel = "DIR", description = "a Hugging Face folder")
        private Path folder;

        @Option(
                names = "--random",
                paramLabel = "NAME|FILE",
                description = "random weights of that configuration's shape")
        private String random;

        @Option(names = "--train", paramLabel = "NAME|FILE", description = "training steps of that configuration")
        private String train;
    }

    @Mixin
    private ModelOptions options;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "with --random: f32, bf16 or fp8 weights (default: ${DEFAULT-VALUE})")
    private String dtype = "bf16";

    @Option(names = "-p", paramLabel = "N", description = "tokens of a prompt (default: ${DEFAULT-VALUE})")
    private int prompt = 512;

    @Option(names = "-n", paramLabel = "N", description = "tokens decoded (default: ${DEFAULT-VALUE})")
    private int decoded = 128;

    @Option(
            names = "-d",
            paramLabel = "N",
            description = "tokens in the cache before either (default: ${DEFAULT-VALUE})")
    private int depth;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "sequences that decode together (default: ${DEFAULT-VALUE})")
    private int batch = 1;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "of prefill and decoding; the median counts (default: ${DEFAULT-VALUE})")
    private int rounds = 3;

    @Option(names = "--set", paramLabel = "FIELD=VALUE", description = "with --train: overrides a field; repeatable")
    private List<String> sets = new ArrayList<>();

    @Option(
            names = "--recipe",
            paramLabel = "FORMAT",
            description = "with --train: f32 or bf16 (default: ${DEFAULT-VALUE})")
    private String recipe = "f32";

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "with --train: measured steps (default: ${DEFAULT-VALUE})")
    private int steps = 20;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "with --train: steps before them (default: ${DEFAULT-VALUE})")
    private int warmup = 10;

    @Option(names = "--json", description = "prints one JSON object")
    private boolean json;

    @Override
    public Integer call() {
        Map<String, Object> result = subject.train == null ? inference() : training();
        if (json) {
            System.out.println(Json.writeCompact(result));
        } else {
            result.forEach((name, value) -> System.out.printf("%-24s %s%n", name, value));
        }
        return 0;
    }

    private Map<String, Object> training() {
        if (steps < 1 || warmup < 0) throw new IllegalArgumentException("--steps must be at least 1 and --warmup 0");
        int threads = options.resolve().threads();
        sets.add("train.steps=" + (steps + warmup));
        RunConfig run = RunConfigJson.resolve(subject.train, sets, recipe, 1);
        return new TrainingBench(run, threads, warmup, steps).measure();
    }

    private Map<String, Object> inference() {
        if (prompt < 1 || decoded < 1 || depth < 0 || batch < 1 || rounds < 1) {
            throw new IllegalArgumentException("-p, -n, --batch and --rounds must be at least 1, -d at least 0");
        }
        LanguageModel.Options opened = options.resolve();
        try (LanguageModel model = open(opened)) {
            String name = subject.folder == null ? subject.random : subject.folder.toString();
            return new InferenceBench(model, name, opened.threads(), prompt, decoded, depth, batch).measure(rounds);
        }
    }

    private LanguageModel open(LanguageModel.Options opened) {
        if (subject.folder != null) return LanguageModel.open(subject.folder, opened);
        DType type = switch (dtype) {
            case "f32" -> DType.F32;
            case "bf16" -> DType.BF16;
            case "fp8" -> DType.F8_E4M3;
            default -> throw new IllegalArgumentException("--dtype is " + dtype + "; there are f32, bf16 and fp8");
        };
        return LanguageModel.random(Configs.builtIn(subject.random), type, 1, opened);
    }
}
