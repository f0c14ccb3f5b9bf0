package io.gatun.model.checkpoint;

import io.gatun.model.ModelException;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Writes a Hugging Face folder without its tokenizer: {@code config.json}, {@code generation_config.json} and the weights in
 * the layout of the released checkpoints, MTP modules with their copies of embedding and head. Selection biases are F32 in
 * every export, as there.
 */
public final class CheckpointWriter {
    /** The size above which weights are spread over several files. */
    public static final long SHARD_BYTES = 5_000_000_000L;

    private final Path folder;
    private final ModelConfig config;
    private final Function<ParameterSpec, Tensor> parameters;
    private final DType type;

    private CheckpointWriter(Path folder, ModelConfig config, Function<ParameterSpec, Tensor> parameters, DType type) {
        this.folder = folder;
        this.config = config;
        this.parameters = parameters;
        this.type = type;
    }

    /** Writes a model whose parameters are in a map by name. */
    public static void write(Path folder, ModelConfig config, Map<String, Tensor> parameters, DType type) {
        write(folder, config, spec -> parameters.get(spec.name()), type);
    }

    /** Writes a model whose parameters {@code parameters} gives; files have up to {@link #SHARD_BYTES}. */
    public static void write(Path folder, ModelConfig config, Function<ParameterSpec, Tensor> parameters, DType type) {
        write(folder, config, parameters, type, SHARD_BYTES);
    }

    /**
     * Writes a model. Weights that an earlier model left in the folder are removed at the end.
     *
     * @param folder made where it does not exist
     * @param parameters gives each parameter of {@link ModelParameters#of} in its shape, f32, f64 or {@code type}
     * @param type F32, or BF16: rounded to nearest, ties to even
     * @param shardBytes the size above which weights are spread over several files
     * @throws ModelException when a parameter is missing or has another shape
     */
    public static void write(
            Path folder, ModelConfig config, Function<ParameterSpec, Tensor> parameters, DType type, long shardBytes) {
        if (type != DType.F32 && type != DType.BF16) {
            throw new ModelException("weights are written as F32 or BF16, and " + type + " was asked for");
        }
        try {
            Files.createDirectories(folder);
            new CheckpointWriter(folder, config, parameters, type).write(shardBytes);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + folder, e);
        }
    }

    /** What one tensor of the checkpoint is made of. */
    private record Item(SafetensorsWriter.Declaration declared, ParameterSpec source) {}

    private void write(long shardBytes) throws IOException {
        List<List<Item>> shards = shards(items(), shardBytes);
        Set<String> written = new TreeSet<>();
        Map<String, String> index = new TreeMap<>();
        long total = 0;
        for (int i = 0; i < shards.size(); i++) {
            String name = Shards.name(i + 1, shards.size());
            writeShard(folder.resolve(name), shards.get(i));
            written.add(name);
            for (Item item : shards.get(i)) {
                index.put(item.declared().name(), name);
                total += item.declared().bytes();
            }
        }
        if (shards.size() > 1) {
            Shards.writeIndex(folder, index, total);
            written.add(Shards.INDEX);
        }
        DurableFile.write(folder.resolve(Checkpoint.CONFIG), ModelConfigJson.write(config, type));
        DurableFile.write(folder.resolve("generation_config.json"), Json.write(generation()) + "\n");
        removeOthers(written);
    }

    private List<Item> items() {
        List<Item> items = new ArrayList<>();
        Map<String, ParameterSpec> byName = new LinkedHashMap<>();
        for (ParameterSpec spec : ModelParameters.of(config)) {
            byName.put(spec.name(), spec);
            items.add(item(spec, spec));
        }
        for (ModelParameters.Copy copy : ModelParameters.copies(config)) {
            items.add(item(copy.spec(), byName.get(copy.original())));
        }
        return items;
    }

    private Item item(ParameterSpec spec, ParameterSpec source) {
        DType stored = spec.role() == Role.SELECTION_BIAS ? DType.F32 : type;
        return new Item(new SafetensorsWriter.Declaration(spec.name(), stored, spec.shape()), source);
    }

    private static List<List<Item>> shards(List<Item> items, long most) {
        List<List<Item>> shards = new ArrayList<>();
        long bytes = 0;
        for (Item item : items) {
            long more = item.declared().bytes();
            if (shards.isEmpty() || bytes + more > most) {
                shards.add(new ArrayList<>());
                bytes = 0;
            }
            shards.getLast().add(item);
            bytes += more;
        }
        // wide elements first, so that each starts at a multiple of its size
        shards.forEach(shard -> shard.sort(Comparator.comparingInt(
                (Item item) -> -DType.valueOf(item.declared().element()).bytes())));
        return shards;
    }

    private void writeShard(Path file, List<Item> items) {
        List<SafetensorsWriter.Declaration> declared =
                items.stream().map(Item::declared).toList();
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, declared, Map.of("format", "pt"))) {
            for (Item item : items) {
                Tensor value = parameters.apply(item.source());
                if (value == null) throw new ModelException("there is no value for " + item.source());
                writer.write(value);
            }
            writer.finish();
        }
    }

    private Map<String, Object> generation() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("bos_token_id", config.bosTokenId() < 0 ? null : config.bosTokenId());
        fields.put("eos_token_id", config.eosTokenId() < 0 ? null : config.eosTokenId());
        return fields;
    }

    private void removeOthers(Set<String> written) throws IOException {
        try (DirectoryStream<Path> weights = Files.newDirectoryStream(folder, "model*.safetensors*")) {
            for (Path file : weights) {
                String name = file.getFileName().toString();
                boolean ours = name.equals(Shards.SINGLE)
                        || name.equals(Shards.INDEX)
                        || name.matches("model-\\d{5}-of-\\d{5}\\.safetensors");
                if (ours && !written.contains(name)) Files.delete(file);
            }
        }
    }
}
