package io.gatun.model.checkpoint;

import io.gatun.model.ModelException;
import io.gatun.model.config.Fp8Blocks;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * A Hugging Face folder: {@code config.json} and the weights, in {@code model.safetensors} or in several files with a
 * {@code model.safetensors.index.json}. The files are mapped; tensors are views of them.
 */
public final class Checkpoint {
    static final String CONFIG = "config.json";
    static final String SCALE_SUFFIX = "_scale_inv"; // a factor to multiply with, its name notwithstanding

    private final Path folder;
    private final ModelConfig config;
    private final Fp8Blocks blocks; // null: no FP8 weights
    private final Map<String, SafetensorsFile> files; // by tensor name
    private final Set<SafetensorsFile> distinct;

    private Checkpoint(Path folder, ModelConfig config, Fp8Blocks blocks, Map<String, SafetensorsFile> files) {
        this.folder = folder;
        this.config = config;
        this.blocks = blocks;
        this.files = files;
        distinct = new LinkedHashSet<>(files.values());
    }

    /**
     * Opens a folder for as long as {@code arena} lives, and checks that every parameter that its configuration asks for is
     * there with the right shape.
     *
     * @throws ModelException with the first thing that is missing or wrong
     */
    public static Checkpoint open(Path folder, Arena arena) {
        return open(folder, arena, false);
    }

    /** As {@link #open(Path, Arena)}; with {@code copied} the files are read into memory of {@code arena}, and may then change. */
    public static Checkpoint open(Path folder, Arena arena, boolean copied) {
        if (!Files.isDirectory(folder)) throw new ModelException("there is no folder " + folder);
        JsonObject json = JsonObject.read(folder.resolve(CONFIG));
        ModelConfig config = ModelConfigJson.parse(json);
        Map<String, SafetensorsFile> files = Shards.open(folder, arena, copied);
        if (config.numNextnPredictLayers() > 0 && lacksMtp(config, files.keySet())) config = config.withoutMtp();
        Fp8Blocks blocks = ModelConfigJson.quantization(json).orElse(null);
        Checkpoint checkpoint = new Checkpoint(folder, config, blocks, files);
        checkpoint.check(ModelParameters.of(config));
        return checkpoint;
    }

    /** Whether a folder has weights, or an index of weights, beside its configuration. */
    public static boolean hasWeights(Path folder) {
        return Files.exists(folder.resolve(Shards.SINGLE)) || Files.exists(folder.resolve(Shards.INDEX));
    }

    /** Many published conversions keep the field of config.json and drop the modules. */
    private static boolean lacksMtp(ModelConfig config, Set<String> names) {
        String prefix = ModelParameters.layer(config.numHiddenLayers());
        return names.stream().noneMatch(name -> name.startsWith(prefix));
    }

    public Path folder() {
        return folder;
    }

    /** The configuration; without MTP modules where the files hold none. */
    public ModelConfig config() {
        return config;
    }

    /** What most weights are stored as: the type of the attention's output projections. */
    public DType weightType() {
        return tensor(ModelParameters.layer(0) + "self_attn.o_proj.weight").dtype();
    }

    /** How FP8 weights are scaled; empty when there are none. */
    public Optional<Fp8Blocks> fp8Blocks() {
        return Optional.ofNullable(blocks);
    }

    /** The names of all tensors in the files. */
    public Set<String> names() {
        return Collections.unmodifiableSet(files.keySet());
    }

    public boolean has(String name) {
        return files.containsKey(name);
    }

    /**
     * A tensor in place, as the file has it: for an FP8 weight the codes, whose scales are {@link #scales}.
     *
     * @throws ModelException when there is none of that name
     */
    public Tensor tensor(String name) {
        return file(name).tensor(name);
    }

    /**
     * The scales of an FP8 weight, f32 [ceil(out / rows), ceil(in / cols)] of {@link #fp8Blocks}, which the codes are
     * multiplied by.
     *
     * @throws ModelException when they are missing or their shape does not fit the weight's
     */
    public Tensor scales(String weight) {
        checkScales(weight);
        return tensor(weight + SCALE_SUFFIX);
    }

    private void checkScales(String weight) {
        SafetensorsFile file = file(weight);
        SafetensorsEntry codes = file.entry(weight);
        if (blocks == null) {
            throw new ModelException("%s is %s in %s; %s has no quantization_config that tells the blocks of its scales"
                    .formatted(weight, codes, file.path().getFileName(), CONFIG));
        }
        SafetensorsEntry scales = entry(weight + SCALE_SUFFIX);
        if (codes.shape().length != 2) {
            throw new ModelException("%s is %s in %s; an FP8 weight is a matrix"
                    .formatted(weight, codes, file.path().getFileName()));
        }
        long[] expected = {Math.ceilDiv(codes.shape()[0], blocks.rows()), Math.ceilDiv(codes.shape()[1], blocks.cols())
        };
        if (!scales.type().equals(DType.F32.name()) || !Arrays.equals(scales.shape(), expected)) {
            throw new ModelException("%s is %s in %s; %s asks for blocks of %d x %d, which for %s %s are f32%s"
                    .formatted(
                            weight + SCALE_SUFFIX,
                            scales,
                            file(weight + SCALE_SUFFIX).path().getFileName(),
                            CONFIG,
                            blocks.rows(),
                            blocks.cols(),
                            weight,
                            codes,
                            Arrays.toString(expected)));
        }
    }

    /**
     * Reads a parameter into {@code target}, f32 or f64 of its shape. BF16 is widened; an FP8 code is multiplied by its block's
     * scale in FP32.
     *
     * @throws ModelException when it is missing or has another shape, or {@code target} does not fit
     */
    public void read(ParameterSpec spec, Tensor target) {
        check(spec);
        if (!Arrays.equals(target.shape(), spec.shape())
                || target.dtype() != DType.F32 && target.dtype() != DType.F64) {
            throw new ModelException("%s is read into f32%s or f64; the tensor given is %s"
                    .formatted(spec.name(), Arrays.toString(spec.shape()), target));
        }
        Tensor stored = tensor(spec.name());
        switch (stored.dtype()) {
            case F64, F32, BF16 -> Conversion.copy(stored, target);
            case F8_E4M3 -> Conversion.dequantize(stored, scales(spec.name()), blocks.rows(), blocks.cols(), target);
            default ->
                throw new ModelException("%s is %s in %s; a parameter is f32, bf16 or f8_e4m3"
                        .formatted(spec.name(), stored, file(spec.name()).path().getFileName()));
        }
    }

    /** Tensors that no parameter of the configuration asks for, sorted. */
    public List<String> unused() {
        Set<String> unused = new TreeSet<>(files.keySet());
        List<ParameterSpec> known = new ArrayList<>(ModelParameters.of(config));
        ModelParameters.copies(config).forEach(copy -> known.add(copy.spec()));
        for (ParameterSpec spec : known) {
            unused.remove(spec.name());
            unused.remove(spec.name() + SCALE_SUFFIX);
        }
        return List.copyOf(unused);
    }

    /**
     * Looks whether the files are still those that were mapped; see {@link SafetensorsFile#checkUnchanged}.
     *
     * @throws ModelException when one has changed
     */
    public void checkUnchanged() {
        distinct.forEach(SafetensorsFile::checkUnchanged);
    }

    private void check(Collection<ParameterSpec> specs) {
        List<ParameterSpec> missing =
                specs.stream().filter(spec -> !has(spec.name())).toList();
        if (!missing.isEmpty()) {
            String more = missing.size() == 1 ? "" : ", and so are " + (missing.size() - 1) + " others";
            throw new ModelException("%s is missing in %s%s; %s asks for %s"
                    .formatted(
                            missing.getFirst().name(),
                            folder,
                            more,
                            CONFIG,
                            Arrays.toString(missing.getFirst().shape())));
        }
        specs.forEach(this::check);
    }

    private void check(ParameterSpec spec) {
        SafetensorsFile file = file(spec.name());
        SafetensorsEntry entry = file.entry(spec.name());
        if (!Arrays.equals(entry.shape(), spec.shape())) {
            throw new ModelException("%s is %s in %s; %s asks for %s"
                    .formatted(spec.name(), entry, file.path().getFileName(), CONFIG, Arrays.toString(spec.shape())));
        }
        if (entry.type().equals(DType.F8_E4M3.name())) checkScales(spec.name());
    }

    /** What the file's header says of a tensor. */
    SafetensorsEntry entry(String name) {
        return file(name).entry(name);
    }

    /** The file that has a tensor. */
    SafetensorsFile file(String name) {
        SafetensorsFile file = files.get(name);
        if (file == null) throw new ModelException("there is no tensor " + name + " in " + folder);
        return file;
    }
}
