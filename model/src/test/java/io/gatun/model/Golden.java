package io.gatun.model;

import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.checkpoint.SafetensorsFile;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/** A folder under {@code test-data/}: a small model and what the published code computed with it; see its README. */
public final class Golden implements AutoCloseable {
    /** The folders that hold a model. */
    public static final List<String> MODELS = List.of(
            "v3-mini",
            "v3-nogroup-mini",
            "v3-realrope-mini",
            "v2lite-mini",
            "v2-groups-mini",
            "mtp-mini",
            "fp8-mini",
            "fp8-ragged-mini",
            "train-mini",
            "train-softmax-mini");

    private final Arena arena = Arena.ofShared();
    private final Path folder;
    private final Checkpoint checkpoint;
    private final SafetensorsFile expected;

    private Golden(Path folder) {
        this.folder = folder;
        checkpoint = Checkpoint.open(folder, arena);
        expected = SafetensorsFile.open(folder.resolve("expected.safetensors"), arena);
    }

    /** The folder {@code test-data/name}. */
    public static Golden open(String name) {
        return new Golden(folder(name));
    }

    /** The path of {@code test-data/name}. */
    public static Path folder(String name) {
        return Path.of(System.getProperty("gatun.root"), "test-data", name);
    }

    public Path folder() {
        return folder;
    }

    public Arena arena() {
        return arena;
    }

    public ModelConfig config() {
        return checkpoint.config();
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    /** What the published code computed, by the golden's name. */
    public Tensor expected(String name) {
        return expected.tensor(name);
    }

    public boolean has(String name) {
        return expected.has(name);
    }

    /** The golden's parameters in memory, with gradients or without. */
    public ParameterStore parameters(Ops ops, String recipe, boolean trained) {
        ParameterStore store = new ParameterStore(ops, arena, config(), PrecisionRecipe.named(recipe), trained);
        for (ParameterStore.Entry entry : store.entries()) checkpoint.read(entry.spec(), entry.value());
        store.refresh();
        return store;
    }

    /** The golden's model over {@code parameters}. */
    public DeepSeekV3 model(Ops ops, ParameterStore parameters) {
        return new DeepSeekV3(ops, config(), parameters, arena, config().maxPositionEmbeddings());
    }

    @Override
    public void close() {
        arena.close();
    }
}
