package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointWriterTest {
    private static final ModelConfig TINY = Configs.builtIn("tiny");

    private final Arena arena = Arena.ofShared();
    private final Map<String, Tensor> parameters = new HashMap<>();

    @TempDir
    Path folder;

    CheckpointWriterTest() {
        Random random = new Random(17);
        for (ParameterSpec spec : ModelParameters.of(TINY)) {
            Tensor tensor = Tensor.zeros(arena, DType.F32, spec.shape());
            for (long i = 0; i < tensor.count(); i++) tensor.set(i, random.nextGaussian());
            parameters.put(spec.name(), tensor);
        }
    }

    @AfterEach
    void unmap() {
        arena.close();
    }

    @Test
    void writesF32ThatIsReadUnchanged() {
        CheckpointWriter.write(folder, TINY, parameters, DType.F32);
        Checkpoint checkpoint = Checkpoint.open(folder, arena);
        assertThat(checkpoint.config()).isEqualTo(TINY);
        assertThat(checkpoint.unused()).isEmpty();
        assertReads(checkpoint, value -> value, value -> value);
        assertThat(files()).containsExactly("config.json", "generation_config.json", "model.safetensors");
    }

    @Test
    void writesBf16ButSelectionBiasesInF32() {
        CheckpointWriter.write(folder, TINY, parameters, DType.BF16);
        Checkpoint checkpoint = Checkpoint.open(folder, arena);
        assertReads(checkpoint, value -> Conversion.widen(Conversion.round(value)), value -> value);
        assertThat(checkpoint.tensor("model.layers.1.mlp.gate.weight").dtype()).isEqualTo(DType.BF16);
        assertThat(checkpoint
                        .tensor("model.layers.1.mlp.gate.e_score_correction_bias")
                        .dtype())
                .isEqualTo(DType.F32);
        assertThat(JsonObject.read(folder.resolve("config.json")).text("torch_dtype"))
                .isEqualTo("bfloat16");
    }

    @Test
    void repeatsEmbeddingAndHeadForTheMtpModule() {
        CheckpointWriter.write(folder, TINY, parameters, DType.F32);
        Checkpoint checkpoint = Checkpoint.open(folder, arena);
        for (ModelParameters.Copy copy : ModelParameters.copies(TINY)) {
            Tensor original = checkpoint.tensor(copy.original());
            assertThat(checkpoint.tensor(copy.spec().name()).data().mismatch(original.data()))
                    .isEqualTo(-1);
        }
    }

    @Test
    void namesExactlyWhatThePublishedFileHolds() {
        try (Golden golden = Golden.open("mtp-mini")) {
            Checkpoint published = golden.checkpoint();
            CheckpointWriter.write(folder, published.config(), spec -> published.tensor(spec.name()), DType.F32);
            Checkpoint written = Checkpoint.open(folder, arena);
            assertThat(written.names()).containsExactlyInAnyOrderElementsOf(published.names());
            for (String name : published.names()) {
                assertThat(written.tensor(name))
                        .hasToString(published.tensor(name).toString());
                assertThat(written.tensor(name)
                                .data()
                                .mismatch(published.tensor(name).data()))
                        .as(name)
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void spreadsLargeModelsOverFiles() throws IOException {
        CheckpointWriter.write(folder, TINY, spec -> parameters.get(spec.name()), DType.BF16, 50_000);
        assertThat(folder.resolve("model.safetensors")).doesNotExist();
        List<String> shards =
                files().stream().filter(name -> name.startsWith("model-")).toList();
        assertThat(shards).hasSizeGreaterThan(2).contains("model-00001-of-%05d.safetensors".formatted(shards.size()));
        long bytes = 0;
        for (String shard : shards) {
            assertThat(Files.size(folder.resolve(shard))).isLessThan(50_000 + 10_000);
            SafetensorsFile file = SafetensorsFile.open(folder.resolve(shard), arena);
            for (String name : file.names()) bytes += file.tensor(name).data().byteSize();
        }
        JsonObject index = JsonObject.read(folder.resolve("model.safetensors.index.json"));
        assertThat(index.object("metadata").orElseThrow().number("total_size")).isEqualTo(bytes);
        Checkpoint checkpoint = Checkpoint.open(folder, arena);
        assertThat(checkpoint.unused()).isEmpty();
        assertReads(checkpoint, value -> Conversion.widen(Conversion.round(value)), value -> value);
    }

    @Test
    void anEarlierModelLeavesNoWeights() throws IOException {
        CheckpointWriter.write(folder, TINY, spec -> parameters.get(spec.name()), DType.BF16, 50_000);
        Files.writeString(folder.resolve("model-card.txt"), "kept");
        CheckpointWriter.write(folder, TINY, parameters, DType.F32);
        assertThat(files())
                .containsExactly("config.json", "generation_config.json", "model-card.txt", "model.safetensors");
        CheckpointWriter.write(folder, TINY, spec -> parameters.get(spec.name()), DType.BF16, 50_000);
        assertThat(files()).contains("model.safetensors.index.json").doesNotContain("model.safetensors");
        assertThat(Checkpoint.open(folder, arena).tensor("lm_head.weight").dtype())
                .isEqualTo(DType.BF16);
    }

    @Test
    void refusesWhatIsMissingOrDoesNotFit() {
        Tensor head = parameters.remove("lm_head.weight");
        assertThatThrownBy(() -> CheckpointWriter.write(folder, TINY, parameters, DType.F32))
                .isInstanceOf(ModelException.class)
                .hasMessage("there is no value for lm_head.weight [320, 32]");
        parameters.put("lm_head.weight", head.slice(0, 8));
        assertThatThrownBy(() -> CheckpointWriter.write(folder, TINY, parameters, DType.F32))
                .isInstanceOf(ModelException.class)
                .hasMessage(folder.resolve("model.safetensors")
                        + ": the tensor for lm_head.weight [320, 32] is f32[8, 32]");
        assertThatThrownBy(() -> CheckpointWriter.write(folder, TINY, parameters, DType.F8_E4M3))
                .hasMessage("weights are written as F32 or BF16, and F8_E4M3 was asked for");
        assertThat(files()).isEmpty();
    }

    @Test
    void tellsGenerationItsTokens() {
        CheckpointWriter.write(folder, TINY, parameters, DType.F32);
        JsonObject generation = JsonObject.read(folder.resolve("generation_config.json"));
        assertThat(generation.integer("bos_token_id")).isEqualTo(TINY.bosTokenId());
        assertThat(generation.integer("eos_token_id")).isEqualTo(TINY.eosTokenId());
    }

    private void assertReads(Checkpoint checkpoint, Function<Float, Float> weight, Function<Float, Float> bias) {
        for (ParameterSpec spec : ModelParameters.of(TINY)) {
            Tensor read = Tensor.zeros(arena, DType.F32, spec.shape());
            checkpoint.read(spec, read);
            Tensor original = parameters.get(spec.name());
            Function<Float, Float> stored = spec.role() == Role.SELECTION_BIAS ? bias : weight;
            for (long i = 0; i < read.count(); i++) {
                float expected = stored.apply((float) original.get(i));
                if (read.get(i) != expected)
                    assertThat(read.get(i)).as("%s, %d", spec, i).isEqualTo(expected);
            }
        }
    }

    private List<String> files() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
