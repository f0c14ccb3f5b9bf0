package io.gatun.trainer.command;

import io.gatun.model.ModelException;
import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.checkpoint.StoredTensors;
import io.gatun.model.checkpoint.StoredTensors.Part;
import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.ParameterCounts;
import io.gatun.model.config.Yarn;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.precision.Compute;
import io.gatun.model.tokenizer.TokenizerJson;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a model is: configuration, parameters, what its files hold, memory, who multiplies. */
@Command(
        name = "inspect",
        description = "Prints a model's configuration, parameters, stored weights and memory.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class InspectCommand implements Callable<Integer> {
    private static final int SHOWN = 3; // names of unused tensors

    @ArgGroup(multiplicity = "1")
    private Source source;

    private static final class Source {
        @Option(names = "--model", paramLabel = "DIR", description = "a Hugging Face folder")
        private Path folder;

        @Option(names = "--config", paramLabel = "NAME|FILE", description = "a built-in name or a file")
        private String config;
    }

    @Option(
            names = "--context",
            paramLabel = "N",
            description =
                    "tokens that memory is planned for (default: 4096, or the longest sequence if that is shorter)")
    private int context;

    @Option(names = "--json", description = "prints one JSON object")
    private boolean json;

    private final Report report = new Report();

    private DType weights; // what most are stored as; null without weights

    @Override
    public Integer call() {
        ModelConfig config = source.folder == null
                ? Configs.model(Configs.tree(source.config))
                : ModelConfigJson.read(source.folder.resolve("config.json"));
        if (context < 0) throw new IllegalArgumentException("--context is " + context + "; it is at least 1");
        if (context == 0) context = Math.min(4096, config.maxPositionEmbeddings());
        report.section("configuration");
        ModelConfigJson.fields(config, DType.F32).forEach((name, value) -> {
            if (!name.equals("torch_dtype")) report.row(name, value); // of a file to write, not of this model
        });
        report.row("rotary frequencies", config.usesYarn() ? "YaRN" : "plain", rope(config));
        parameters(config);
        StoredTensors stored = null;
        if (source.folder != null) {
            if (Checkpoint.hasWeights(source.folder)) {
                try (Arena arena = Arena.ofShared()) {
                    Checkpoint checkpoint = Checkpoint.open(source.folder, arena);
                    stored = StoredTensors.of(checkpoint);
                    weights = checkpoint.weightType();
                    stored(stored, checkpoint, config);
                }
            } else {
                report.section("files");
                report.row("weights", "none in this folder");
            }
            report.row("tokenizer", tokenizer(config));
        }
        memory(config, stored);
        engine();
        report.print(System.out, json);
        return 0;
    }

    private static String rope(ModelConfig config) {
        if (!config.usesYarn()) return "plain, base " + config.ropeTheta();
        Yarn yarn = config.ropeScaling();
        return String.format(
                Locale.ROOT,
                "YaRN, %s times %,d tokens, scores times %.4f",
                yarn.factor(),
                yarn.originalMaxPositionEmbeddings(),
                yarn.scoreFactor());
    }

    private void parameters(ModelConfig config) {
        ParameterCounts counts = ParameterCounts.of(config);
        report.section("parameters");
        report.row("total", counts.total());
        report.row("active per token", counts.active());
        report.row("active without embedding", counts.activeWithoutEmbedding());
        if (config.numNextnPredictLayers() > 0) {
            report.row("MTP", counts.mtp());
            report.row("MTP with copies in files", counts.mtpWithCopies());
        }
    }

    private void stored(StoredTensors stored, Checkpoint checkpoint, ModelConfig asked) {
        report.section("files");
        for (Part part : Part.values()) {
            Map<String, Object> types = new LinkedHashMap<>();
            StringBuilder text = new StringBuilder();
            for (StoredTensors.Group group : stored.groups()) {
                if (group.part() != part) continue;
                types.put(group.type(), Map.of("tensors", group.tensors(), "bytes", group.bytes()));
                if (!text.isEmpty()) text.append("; ");
                text.append(Bytes.of(group.bytes()))
                        .append(' ')
                        .append(group.type().toLowerCase(Locale.ROOT));
                text.append(String.format(Locale.ROOT, " in %,d", group.tensors()));
                text.append(group.tensors() == 1 ? " tensor" : " tensors");
            }
            if (!types.isEmpty()) report.row(label(part), types, text.toString());
        }
        report.bytes("all tensors", stored.bytes(), stored.files() == 1 ? "1 file" : stored.files() + " files");
        checkpoint
                .fp8Blocks()
                .ifPresent(blocks -> report.row(
                        "FP8 blocks",
                        blocks.rows() + " x " + blocks.cols()
                                + (blocks.powerOfTwoScales() ? ", scales powers of two" : "")));
        int modules = checkpoint.config().numNextnPredictLayers();
        int missing = asked.numNextnPredictLayers() - modules;
        report.row("MTP modules", modules, missing > 0 ? "none, though config.json has " + missing : "" + modules);
        List<String> unused = checkpoint.unused();
        report.row("unused tensors", unused, unused(unused));
    }

    private static String label(Part part) {
        return part == Part.MTP || part == Part.DENSE_FFN
                ? part.name().replace('_', ' ').replace("DENSE", "dense")
                : part.name().replace('_', ' ').toLowerCase(Locale.ROOT);
    }

    private static String unused(List<String> names) {
        if (names.size() <= SHOWN) return names.isEmpty() ? "none" : String.join(", ", names);
        return names.size() + ": " + String.join(", ", names.subList(0, SHOWN)) + ", …";
    }

    private String tokenizer(ModelConfig config) {
        Path file = source.folder.resolve("tokenizer.json");
        if (!Files.exists(file)) return "none; text can be neither read nor written";
        try {
            int size = TokenizerJson.read(file).vocabularySize();
            String fits = size > config.vocabSize() ? ", more than vocab_size" : "";
            return String.format(Locale.ROOT, "tokenizer.json, %,d tokens%s", size, fits);
        } catch (ModelException e) {
            return "refused: " + e.getMessage();
        }
    }

    private void memory(ModelConfig config, StoredTensors stored) {
        ParameterCounts counts = ParameterCounts.of(config);
        long elements = (long) config.numHiddenLayers() * (config.kvLoraRank() + config.qkRopeHeadDim());
        long f32 = elements * Float.BYTES, bf16 = elements * Short.BYTES;
        report.section("memory");
        report.row("cache F32, bytes per token", f32);
        report.row("cache BF16, bytes per token", bf16);
        report.row("context", context, String.format(Locale.ROOT, "%,d tokens (--context)", context));
        boolean narrow = weights != null && Compute.of(weights).cache() == DType.BF16;
        long cache = context * (narrow ? bf16 : f32);
        report.bytes("cache at that context", cache, narrow ? "BF16" : "F32");
        if (stored != null) {
            // MTP modules are read by speculative decoding only
            long bytes = stored.bytes() - stored.bytesOf(Part.MTP) - stored.bytesOf(Part.UNUSED);
            long machine = Machine.memory();
            report.bytes("weights, mapped in place", bytes, "kept in the page cache, not in the process");
            report.bytes("weights and cache", bytes + cache, fits(bytes + cache, machine));
        } else {
            report.bytes("weights in FP8", counts.total(), "main model; embedding and head are BF16 beside that");
            report.bytes("weights in BF16", counts.total() * Short.BYTES, "main model");
            report.bytes("weights in F32", counts.total() * Float.BYTES, "main model");
        }
        long training = (counts.total() + counts.mtp()) * 4 * Float.BYTES;
        report.bytes("training in F32", training, "weights, gradients, moments");
    }

    private static String fits(long needed, long machine) {
        if (machine <= 0) return "the memory of this machine is not known";
        return needed <= machine
                ? "this machine has " + Bytes.of(machine)
                : "this machine has " + Bytes.of(machine) + ": weights are read from the disk again and again";
    }

    private void engine() {
        report.section("engine");
        try (Team team = new Team(1)) {
            report.row("products", CpuOps.on(team).products().describe());
        }
        String rule = "f32 for F32 weights, bf16 for BF16 and FP8 weights";
        if (weights == null) {
            report.row("compute", rule);
            return;
        }
        Compute compute = Compute.of(weights);
        report.row("compute", compute.toString(), compute + ", since weights are " + weights + " (" + rule + ")");
    }
}
