package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.model.config.Fp8Blocks;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.json.JsonObject;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointConverterTest {
    private static final Set<Role> QUANTISED =
            EnumSet.of(Role.ATTENTION, Role.DENSE_FFN, Role.EXPERT, Role.SHARED_EXPERT);

    private final Arena arena = Arena.ofShared();

    @TempDir
    Path folder;

    @AfterEach
    void unmap() {
        arena.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fp8-mini", "fp8-ragged-mini"})
    void codesBecomeTheNearestBf16(String name) {
        Checkpoint before = Checkpoint.open(Golden.folder(name), arena);
        Checkpoint after = convert(Golden.folder(name), "bf16", DType.BF16);
        assertThat(after.fp8Blocks()).isEmpty();
        assertThat(after.unused()).isEmpty();
        assertThat(after.names()).noneMatch(tensor -> tensor.endsWith("_scale_inv"));
        for (ParameterSpec spec : ModelParameters.of(before.config())) {
            Tensor actual = after.tensor(spec.name());
            if (spec.role() == Role.SELECTION_BIAS) {
                assertThat(actual.dtype()).isEqualTo(DType.F32);
                assertSameBytes(actual, before.tensor(spec.name()));
                continue;
            }
            Tensor exact = read(before, spec);
            assertThat(actual.dtype()).isEqualTo(DType.BF16);
            for (long i = 0; i < exact.count(); i++) {
                assertThat((float) actual.get(i)).isEqualTo(Conversion.widen(Conversion.round((float) exact.get(i))));
            }
        }
        JsonObject config = JsonObject.read(folder.resolve("bf16/config.json"));
        assertThat(config.text("torch_dtype")).isEqualTo("bfloat16");
        assertThat(config.mentions("quantization_config")).isFalse();
    }

    /** Code times scale is exact enough to find both again: the largest code of a block is always 448. */
    @ParameterizedTest
    @ValueSource(strings = {"fp8-mini", "fp8-ragged-mini"})
    void codesBecomeF32AndTheSameCodesAgain(String name) {
        Checkpoint before = Checkpoint.open(Golden.folder(name), arena);
        Checkpoint wide = convert(Golden.folder(name), "f32", DType.F32);
        assertThat(JsonObject.read(folder.resolve("f32/config.json")).text("torch_dtype"))
                .isEqualTo("float32");
        for (ParameterSpec spec : ModelParameters.of(before.config())) {
            assertThat(wide.tensor(spec.name()).dtype()).isEqualTo(DType.F32);
            assertSameBytes(wide.tensor(spec.name()), read(before, spec));
        }
        Checkpoint again = convert(folder.resolve("f32"), "fp8", DType.F8_E4M3);
        assertThat(again.fp8Blocks()).contains(new Fp8Blocks(128, 128, false));
        assertThat(again.names()).isEqualTo(before.names());
        for (String tensor : before.names()) assertSameBytes(again.tensor(tensor), before.tensor(tensor));
        assertThat(JsonObject.read(folder.resolve("fp8/config.json")).fields())
                .isEqualTo(JsonObject.read(Golden.folder(name).resolve("config.json"))
                        .fields());
    }

    @Test
    void copiesCodesThatAreThere() {
        Checkpoint before = Checkpoint.open(Golden.folder("fp8-ragged-mini"), arena);
        Checkpoint after = convert(Golden.folder("fp8-ragged-mini"), "fp8", DType.F8_E4M3);
        assertThat(after.names()).isEqualTo(before.names());
        for (String tensor : before.names()) assertSameBytes(after.tensor(tensor), before.tensor(tensor));
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3-mini", "v2lite-mini", "mtp-mini"})
    void quantisesWhatThePublishedLayoutQuantises(String name) {
        Checkpoint after = convert(Golden.folder(name), "fp8", DType.F8_E4M3);
        assertThat(after.unused()).isEmpty();
        for (ParameterSpec spec : ModelParameters.of(after.config())) {
            boolean codes = QUANTISED.contains(spec.role());
            DType expected = codes ? DType.F8_E4M3 : spec.role() == Role.SELECTION_BIAS ? DType.F32 : DType.BF16;
            assertThat(after.tensor(spec.name()).dtype()).as(spec.name()).isEqualTo(expected);
            assertThat(after.has(spec.name() + "_scale_inv")).isEqualTo(codes);
        }
        ModelParameters.copies(after.config())
                .forEach(copy ->
                        assertThat(after.tensor(copy.spec().name()).dtype()).isEqualTo(DType.BF16));
    }

    @Test
    void f32StaysWhatItIsInManyFiles() throws IOException {
        Path model = Golden.folder("v3-mini");
        Checkpoint before = Checkpoint.open(model, arena);
        CheckpointConverter.convert(model, folder.resolve("f32"), DType.F32, 100_000, (_, _) -> {});
        Checkpoint after = Checkpoint.open(folder.resolve("f32"), arena);
        assertThat(after.names()).isEqualTo(before.names());
        for (String tensor : before.names()) assertSameBytes(after.tensor(tensor), before.tensor(tensor));
        try (Stream<Path> files = Files.list(folder.resolve("f32"))) {
            List<Path> shards = files.filter(file -> file.toString().endsWith(".safetensors"))
                    .toList();
            assertThat(shards).hasSizeGreaterThan(10);
            for (Path shard : shards) assertThat(Files.size(shard)).isLessThan(120_000);
        }
        assertSameBytes(logits(after), logits(before));
    }

    @Test
    void reportsBytesUpToTheTotal() {
        long[] last = new long[2];
        CheckpointConverter.convert(
                Golden.folder("fp8-mini"), folder.resolve("x"), DType.BF16, 1 << 20, (bytes, total) -> {
                    assertThat(bytes).isGreaterThan(last[0]);
                    last[0] = bytes;
                    last[1] = total;
                });
        assertThat(last[0]).isEqualTo(last[1]).isPositive();
    }

    @Test
    void copiesTextsAndTensorsThatItDoesNotKnow() throws IOException {
        Path model = folder.resolve("model");
        Files.createDirectory(model);
        Checkpoint golden = Checkpoint.open(Golden.folder("v3-mini"), arena);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        golden.names().forEach(name -> tensors.put(name, golden.tensor(name)));
        tensors.put("rotary_emb.inv_freq", Tensor.zeros(arena, DType.I64, 5));
        SafetensorsWriter.write(model.resolve("model.safetensors"), tensors);
        Files.copy(Golden.folder("v3-mini").resolve("config.json"), model.resolve("config.json"));
        List<String> texts = List.of(
                "tokenizer.json",
                "tokenizer_config.json",
                "LICENSE-MODEL",
                "generation_config.json",
                "chat_template.jinja");
        for (String text : texts) Files.writeString(model.resolve(text), text);
        Files.writeString(model.resolve("metrics.csv"), "1,2");
        Checkpoint after = convert(model, "bf16", DType.BF16);
        assertThat(after.unused()).containsExactly("rotary_emb.inv_freq");
        assertThat(after.tensor("rotary_emb.inv_freq")).hasToString("i64[5]");
        for (String text : texts)
            assertThat(folder.resolve("bf16").resolve(text)).hasContent(text);
        assertThat(folder.resolve("bf16/metrics.csv")).doesNotExist();
        assertThat(folder.resolve("bf16.partial")).doesNotExist();
    }

    @Test
    void refusesAFolderInUseAndClearsAnInterruptedOne() throws IOException {
        Path out = folder.resolve("out");
        Files.createDirectories(out);
        Files.writeString(out.resolve("mine"), "x");
        assertThatThrownBy(() -> convert(Golden.folder("v3-mini"), "out", DType.BF16))
                .isInstanceOf(ModelException.class)
                .hasMessage(out + " exists and is not empty; name a folder that is new");
        Files.delete(out.resolve("mine"));
        Files.createDirectories(folder.resolve("out.partial"));
        Files.writeString(folder.resolve("out.partial/model.safetensors"), "cut off");
        assertThat(convert(Golden.folder("v3-mini"), "out", DType.BF16).unused())
                .isEmpty();
    }

    @Test
    void leavesNothingWhenItFails() {
        assertThatThrownBy(() -> CheckpointConverter.convert(
                        Golden.folder("v3-mini"), folder.resolve("out"), DType.BF16, 1 << 20, (_, _) -> {
                            throw new ModelException("stop");
                        }))
                .hasMessage("stop");
        assertThat(folder).isEmptyDirectory();
        assertThatThrownBy(() -> convert(Golden.folder("v3-mini"), "out", DType.I32))
                .hasMessage("weights become F32, BF16 or F8_E4M3, and I32 was asked for");
        assertThatThrownBy(() -> convert(folder.resolve("none"), "out", DType.F32))
                .hasMessage("there is no folder " + folder.resolve("none"));
    }

    private Checkpoint convert(Path model, String name, DType type) {
        CheckpointConverter.convert(model, folder.resolve(name), type, 1 << 18, (_, _) -> {});
        return Checkpoint.open(folder.resolve(name), arena);
    }

    private Tensor read(Checkpoint checkpoint, ParameterSpec spec) {
        Tensor values = Tensor.zeros(arena, DType.F32, spec.shape());
        checkpoint.read(spec, values);
        return values;
    }

    private Tensor logits(Checkpoint checkpoint) {
        try (Team team = new Team(1)) {
            Ops ops = CpuOps.on(team);
            ParameterStore store =
                    new ParameterStore(ops, arena, checkpoint.config(), PrecisionRecipe.named("f32"), false);
            for (ParameterStore.Entry entry : store.entries()) checkpoint.read(entry.spec(), entry.value());
            store.refresh();
            DeepSeekV3 model = new DeepSeekV3(ops, checkpoint.config(), store, arena, 16);
            ModelSlot slot = model.plan(Workspace.training(ops, arena), 1, 16);
            Tensor ids = ops.ints(arena, 1, 16);
            for (int i = 0; i < 16; i++) ids.set(i, 7 * i % checkpoint.config().vocabSize());
            model.load(ids, slot);
            model.forward(slot);
            Tensor logits = ops.reals(arena, 16, checkpoint.config().vocabSize());
            model.logits(logits, slot.hidden());
            return logits;
        }
    }

    private static void assertSameBytes(Tensor actual, Tensor expected) {
        assertThat(actual).hasToString(expected.toString());
        MemorySegment bytes = actual.data();
        assertThat(bytes.mismatch(expected.data())).as(expected.toString()).isEqualTo(-1);
    }
}
