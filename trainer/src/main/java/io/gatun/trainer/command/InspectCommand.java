package io.gatun.trainer.command;

import io.gatun.kernels.VectorMatmul;
import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.ParameterCounts;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a model is: configuration, parameters, memory, who multiplies. */
@Command(
        name = "inspect",
        description = "Prints a model's configuration, parameters and memory.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class InspectCommand implements Callable<Integer> {
    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source {
        @Option(names = "--model", paramLabel = "DIR", description = "a Hugging Face folder")
        private Path folder;

        @Option(names = "--config", paramLabel = "NAME|FILE", description = "a built-in name or a file")
        private String config;
    }

    @Override
    public Integer call() {
        ModelConfig config = source.folder == null
                ? Configs.model(Configs.tree(source.config))
                : ModelConfigJson.read(source.folder.resolve("config.json"));
        System.out.println("configuration");
        ModelConfigJson.fields(config, DType.F32).forEach((name, value) -> row(name, String.valueOf(value)));
        ParameterCounts counts = ParameterCounts.of(config);
        System.out.println("parameters");
        row("total", number(counts.total()));
        row("active per token", number(counts.active()));
        row("active without embedding", number(counts.activeWithoutEmbedding()));
        if (config.numNextnPredictLayers() > 0) {
            row("MTP", number(counts.mtp()));
            row("MTP with copies in files", number(counts.mtpWithCopies()));
        }
        long cache = (long) config.numHiddenLayers() * (config.kvLoraRank() + config.qkRopeHeadDim());
        System.out.println("memory");
        row("cache, bytes per token", number(cache * Float.BYTES) + " (F32)");
        row("weights in FP32", bytes((counts.total() + counts.mtp()) * Float.BYTES));
        row(
                "training in FP32",
                bytes((counts.total() + counts.mtp()) * 4 * Float.BYTES) + " (weights, gradients, moments)");
        System.out.println("engine");
        try (Team team = new Team(1)) {
            row("products", new VectorMatmul(team).describe());
        }
        return 0;
    }

    private static void row(String name, String value) {
        System.out.printf("  %-28s %s%n", name, value);
    }

    private static String number(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    private static String bytes(long bytes) {
        return bytes >= 1 << 30
                ? String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1 << 30))
                : String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
    }
}
