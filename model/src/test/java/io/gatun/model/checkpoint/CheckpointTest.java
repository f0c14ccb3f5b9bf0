package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.model.config.Fp8Blocks;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.CopyOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
    private static final String DOWN = "model.layers.1.mlp.experts.3.down_proj.weight";

    private final Arena arena = Arena.ofShared();

    @TempDir
    Path folder;

    @AfterEach
    void unmap() {
        arena.close();
    }

    @Test
    void readsParametersInPlaceAndCopied() {
        try (Golden golden = Golden.open("mtp-mini")) {
            Checkpoint checkpoint = golden.checkpoint();
            assertThat(checkpoint.config().numNextnPredictLayers()).isEqualTo(1);
            assertThat(checkpoint.unused()).isEmpty();
            assertThat(checkpoint.fp8Blocks()).isEmpty();
            checkpoint.checkUnchanged();
            for (ParameterSpec spec : ModelParameters.of(checkpoint.config())) {
                Tensor copy = Tensor.zeros(arena, DType.F64, spec.shape());
                checkpoint.read(spec, copy);
                Tensor stored = checkpoint.tensor(spec.name());
                for (long i = 0; i < copy.count(); i++) assertThat(copy.get(i)).isEqualTo(stored.get(i));
            }
        }
    }

    /** Every FP8 weight against the golden table of values, scales picked by the definition, partial blocks included. */
    @ParameterizedTest
    @ValueSource(strings = {"fp8-mini", "fp8-ragged-mini"})
    void dequantisesEveryWeightExactly(String name) {
        Tensor table = SafetensorsFile.open(Golden.folder("fp8-quant").resolve("quant.safetensors"), arena)
                .tensor("e4m3.decode");
        try (Golden golden = Golden.open(name)) {
            Checkpoint checkpoint = golden.checkpoint();
            assertThat(checkpoint.fp8Blocks()).contains(new Fp8Blocks(128, 128, false));
            assertThat(checkpoint.unused()).isEmpty();
            int quantised = 0;
            for (ParameterSpec spec : ModelParameters.of(checkpoint.config())) {
                Tensor codes = checkpoint.tensor(spec.name());
                Tensor read = Tensor.zeros(arena, DType.F32, spec.shape());
                checkpoint.read(spec, read);
                if (codes.dtype() != DType.F8_E4M3) continue;
                quantised++;
                Tensor scales = checkpoint.tensor(spec.name() + "_scale_inv");
                for (int r = 0; r < codes.rows(); r++) {
                    for (int c = 0; c < codes.cols(); c++) {
                        int code = codes.data().get(ValueLayout.JAVA_BYTE, (long) r * codes.cols() + c) & 0xFF;
                        float expected = (float) table.get(code) * (float) scales.get(r / 128, c / 128);
                        if ((float) read.get(r, c) != expected) {
                            assertThat(read.get(r, c))
                                    .as("%s [%d, %d]", spec.name(), r, c)
                                    .isEqualTo(expected);
                        }
                    }
                }
            }
            assertThat(quantised).isGreaterThan(20);
        }
    }

    @Test
    void widensBf16() {
        try (Golden golden = Golden.open("fp8-mini")) {
            ParameterSpec head = spec(golden.checkpoint(), "lm_head.weight");
            Tensor stored = golden.checkpoint().tensor("lm_head.weight");
            assertThat(stored.dtype()).isEqualTo(DType.BF16);
            Tensor read = Tensor.zeros(arena, DType.F32, head.shape());
            golden.checkpoint().read(head, read);
            for (long i = 0; i < read.count(); i++) assertThat(read.get(i)).isEqualTo(stored.get(i));
        }
    }

    @Test
    void readsIntoAStridedPlace() {
        try (Golden golden = Golden.open("v3-mini")) {
            ParameterSpec down = spec(golden.checkpoint(), DOWN);
            Tensor place = Tensor.zeros(arena, DType.F32, 64, 100);
            golden.checkpoint().read(down, place.columns(10, 46));
            assertThat(place.get(63, 45))
                    .isEqualTo(golden.checkpoint().tensor(DOWN).get(63, 35));
            assertThat(place.get(63, 46)).isZero();
        }
    }

    @Test
    void refusesATargetThatDoesNotFit() {
        try (Golden golden = Golden.open("v3-mini")) {
            ParameterSpec down = spec(golden.checkpoint(), DOWN);
            assertThatThrownBy(() -> golden.checkpoint().read(down, Tensor.zeros(arena, DType.F32, 36, 64)))
                    .isInstanceOf(ModelException.class)
                    .hasMessage(DOWN + " is read into f32[64, 36] or f64; the tensor given is f32[36, 64]");
            assertThatThrownBy(() -> golden.checkpoint().read(down, Tensor.zeros(arena, DType.BF16, 64, 36)))
                    .hasMessage(DOWN + " is read into f32[64, 36] or f64; the tensor given is bf16[64, 36]");
            ParameterSpec other = new ParameterSpec(DOWN, new long[] {1, 2}, Role.EXPERT);
            assertThatThrownBy(() -> golden.checkpoint().read(other, Tensor.zeros(arena, DType.F32, 1, 2)))
                    .hasMessage(DOWN + " is f32[64, 36] in model.safetensors; config.json asks for [1, 2]");
            assertThatThrownBy(() -> golden.checkpoint().tensor("x"))
                    .hasMessage("there is no tensor x in " + golden.folder());
        }
    }

    @Test
    void namesWhatIsMissing() throws IOException {
        change("v3-mini", tensors -> tensors.remove(DOWN));
        assertRefused(DOWN + " is missing in " + folder + "; config.json asks for [64, 36]");
        change(
                "v3-mini",
                tensors -> tensors.keySet().removeIf(name -> name.startsWith("model.layers.1.mlp.experts.3.")));
        assertRefused("model.layers.1.mlp.experts.3.gate_proj.weight is missing in " + folder
                + ", and so are 2 others; config.json asks for [36, 64]");
    }

    @Test
    void namesAWrongShape() throws IOException {
        change("v3-mini", tensors -> tensors.put(DOWN, Tensor.zeros(arena, DType.F32, 36, 64)));
        assertRefused(DOWN + " is f32[36, 64] in model.safetensors; config.json asks for [64, 36]");
    }

    @Test
    void namesAWrongType() throws IOException {
        change("v3-mini", tensors -> tensors.put(DOWN, Tensor.zeros(arena, DType.I32, 64, 36)));
        Checkpoint checkpoint = Checkpoint.open(folder, arena);
        assertThatThrownBy(() -> checkpoint.read(spec(checkpoint, DOWN), Tensor.zeros(arena, DType.F32, 64, 36)))
                .isInstanceOf(ModelException.class)
                .hasMessage(DOWN + " is i32[64, 36] in model.safetensors; a parameter is f32, bf16 or f8_e4m3");
    }

    @Test
    void listsWhatNobodyAskedFor() throws IOException {
        change(
                "v3-mini",
                tensors ->
                        tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", Tensor.zeros(arena, DType.F32, 8)));
        assertThat(Checkpoint.open(folder, arena).unused())
                .containsExactly("model.layers.0.self_attn.rotary_emb.inv_freq");
    }

    @Test
    void doesWithoutMtpModulesThatWereDropped() throws IOException {
        change("mtp-mini", tensors -> tensors.keySet().removeIf(name -> name.startsWith("model.layers.2.")));
        assertThat(Checkpoint.open(folder, arena).config().numNextnPredictLayers())
                .isZero();
        change("mtp-mini", tensors -> tensors.remove("model.layers.2.enorm.weight"));
        assertRefused("model.layers.2.enorm.weight is missing in " + folder + "; config.json asks for [48]");
    }

    @Test
    void namesScalesThatAreMissingOrDoNotFit() throws IOException {
        String weight = "model.layers.0.mlp.up_proj.weight";
        change("fp8-mini", tensors -> tensors.remove(weight + "_scale_inv"));
        assertRefused("there is no tensor " + weight + "_scale_inv in " + folder);
        change("fp8-mini", tensors -> tensors.put(weight + "_scale_inv", Tensor.zeros(arena, DType.F32, 2, 1)));
        assertRefused(weight + "_scale_inv is f32[2, 1] in model.safetensors; config.json asks for blocks of 128 x 128,"
                + " which for " + weight + " f8_e4m3[256, 256] are f32[2, 2]");
        Files.copy(Golden.folder("v3-mini").resolve("config.json"), folder.resolve("config.json"), REPLACE);
        change("fp8-mini", _ -> {});
        String config = Files.readString(folder.resolve("config.json")).replace("quantization_config", "other");
        Files.writeString(folder.resolve("config.json"), config);
        assertThatThrownBy(() -> Checkpoint.open(folder, arena))
                .isInstanceOf(ModelException.class)
                .hasMessageEndingWith(
                        "in model.safetensors; config.json has no quantization_config that tells the blocks of its scales");
    }

    @Test
    void refusesFoldersThatAreNone() throws IOException {
        Path none = folder.resolve("none");
        assertThatThrownBy(() -> Checkpoint.open(none, arena)).hasMessage("there is no folder " + none);
        assertRefused("there is no file " + folder.resolve("config.json"));
        Files.copy(Golden.folder("v3-mini").resolve("config.json"), folder.resolve("config.json"));
        assertRefused("there is neither model.safetensors nor model.safetensors.index.json in " + folder);
    }

    @Test
    void followsLinksAndRefusesFoldersAndPipes() throws IOException, InterruptedException {
        change("v3-mini", _ -> {});
        Path weights = folder.resolve("model.safetensors");
        Path elsewhere = folder.resolve("blob");
        Files.move(weights, elsewhere);
        Files.createSymbolicLink(weights, elsewhere);
        assertThat(Checkpoint.open(folder, arena).unused()).isEmpty();
        Files.move(elsewhere, folder.resolve("moved"));
        assertRefused("there is neither model.safetensors nor model.safetensors.index.json in " + folder);
        Files.delete(weights);
        Files.createDirectory(weights);
        assertRefused(weights + " is a folder; a file was expected");
        Files.delete(weights);
        Path config = folder.resolve("config.json");
        Files.delete(config);
        Files.createDirectory(config);
        assertRefused(config + " is a folder; a file was expected");
        Files.delete(config);
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfifo")), "no mkfifo here");
        new ProcessBuilder("/usr/bin/mkfifo", config.toString()).start().waitFor();
        assertRefused(config + " is a pipe or a device; a file was expected");
    }

    @Test
    void refusesAnIndexThatDoesNotFitItsFiles() throws IOException {
        Path index = folder.resolve("model.safetensors.index.json");
        Files.copy(Golden.folder("v3-mini").resolve("config.json"), folder.resolve("config.json"));
        Files.writeString(index, "{\"metadata\": {}}");
        assertRefused(index + ": weight_map is missing");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"../a.safetensors\"}}");
        assertRefused(
                index + ": weight_map.a is \"../a.safetensors\"; it should be the name of a file beside the index");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"a.safetensors\"}}");
        assertRefused(
                index + ": weight_map.a is in a.safetensors, says the index, and there is no such file beside it");
        for (String outside : List.of("", ".", "..", "/etc/passwd", "a/b", "C:a", "..\\a", "a\u0000b")) {
            Files.writeString(index, Json.write(Map.of("weight_map", Map.of("a", outside))));
            assertThatThrownBy(() -> Checkpoint.open(folder, arena))
                    .isInstanceOf(ModelException.class)
                    .hasMessageEndingWith("it should be the name of a file beside the index");
        }
        Files.writeString(index, "{\"weight_map\": {\"a\": \"a.safetensors\"}}");
        SafetensorsWriter.write(folder.resolve("a.safetensors"), Map.of("b", Tensor.zeros(arena, DType.F32, 1)));
        assertRefused(index + " says that a is in a.safetensors; there is none there");
    }

    private static final CopyOption REPLACE = StandardCopyOption.REPLACE_EXISTING;

    private void assertRefused(String message) {
        assertThatThrownBy(() -> Checkpoint.open(folder, arena))
                .isInstanceOf(ModelException.class)
                .hasMessage(message);
    }

    /** Puts a golden model into the folder, with other tensors. */
    private void change(String name, Consumer<Map<String, Tensor>> edit) throws IOException {
        try (Golden golden = Golden.open(name)) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            golden.checkpoint()
                    .names()
                    .forEach(tensor -> tensors.put(tensor, golden.checkpoint().tensor(tensor)));
            edit.accept(tensors);
            SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors);
            Files.copy(golden.folder().resolve("config.json"), folder.resolve("config.json"), REPLACE);
        }
    }

    private static ParameterSpec spec(Checkpoint checkpoint, String name) {
        return ModelParameters.of(checkpoint.config()).stream()
                .filter(spec -> spec.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
