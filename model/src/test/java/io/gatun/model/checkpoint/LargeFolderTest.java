package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.gatun.model.checkpoint.SafetensorsWriter.Declaration;
import io.gatun.model.checkpoint.StoredTensors.Part;
import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder as large as DeepSeek-V3's, its weights holes in the files: what it costs to open, counted. */
class LargeFolderTest {
    private static final int SHARDS = 163;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    Path folder;

    @Test
    void opensWithoutReadingWeights() throws IOException {
        ModelConfig v3 = Configs.builtIn("v3");
        int tensors = write(v3);
        try (Arena arena = Arena.ofShared()) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            Checkpoint checkpoint = Checkpoint.open(folder, arena);
            long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            assertThat(allocated / tensors).as("bytes of heap a tensor").isLessThan(2500);
            assertThat(checkpoint.config()).isEqualTo(v3);
            assertThat(checkpoint.names()).hasSize(tensors);
            assertThat(checkpoint.unused()).isEmpty();
            StoredTensors stored = StoredTensors.of(checkpoint);
            assertThat(stored.files()).isEqualTo(SHARDS);
            assertThat(stored.bytes()).isGreaterThan(680_000_000_000L);
            assertThat(stored.bytesOf(Part.SCALES)).isGreaterThan(160_000_000);
            String last = "model.layers.61.mlp.experts.255.down_proj.weight";
            assertThat(checkpoint.tensor(last).data().get(ValueLayout.JAVA_BYTE, 7168L * 2048 - 1))
                    .isZero();
            assertMappedOnceAndReadOnly();
        }
    }

    private void assertMappedOnceAndReadOnly() throws IOException {
        Path maps = Path.of("/proc/self/maps");
        assumeTrue(Files.isReadable(maps), "this system does not list mappings");
        List<String> ours = Files.readAllLines(maps).stream()
                .filter(line -> line.contains(folder.toString()))
                .toList();
        assertThat(ours).hasSize(SHARDS).allMatch(line -> line.split(" ")[1].startsWith("r--"));
    }

    /** Writes the folder; the number of its tensors. Scales lie in other files than their weights. */
    private int write(ModelConfig config) throws IOException {
        List<List<Declaration>> shards = new ArrayList<>();
        for (int i = 0; i < SHARDS; i++) shards.add(new ArrayList<>());
        List<ParameterSpec> specs = new ArrayList<>(ModelParameters.of(config));
        ModelParameters.copies(config).forEach(copy -> specs.add(copy.spec()));
        for (int i = 0; i < specs.size(); i++) {
            ParameterSpec spec = specs.get(i);
            int shard = (int) ((long) i * SHARDS / specs.size());
            shards.get(shard).add(new Declaration(spec.name(), type(spec.role()), spec.shape()));
            if (type(spec.role()) != DType.F8_E4M3) continue;
            long rows = Math.ceilDiv(spec.shape()[0], 128), cols = Math.ceilDiv(spec.shape()[1], 128);
            shards.get((shard + 80) % SHARDS).add(new Declaration(spec.name() + "_scale_inv", DType.F32, rows, cols));
        }
        Map<String, String> index = new TreeMap<>();
        for (int i = 0; i < SHARDS; i++) {
            String name = Shards.name(i + 1, SHARDS);
            shards.get(i).forEach(declared -> index.put(declared.name(), name));
            writeHoles(folder.resolve(name), shards.get(i));
        }
        Shards.writeIndex(folder, index, 0);
        Map<String, Object> fields = new LinkedHashMap<>(ModelConfigJson.fields(config, DType.BF16));
        fields.put("quantization_config", Map.of("quant_method", "fp8", "weight_block_size", List.of(128, 128)));
        Files.writeString(folder.resolve("config.json"), Json.write(fields));
        return index.size();
    }

    private static DType type(Role role) {
        return switch (role) {
            case ATTENTION, DENSE_FFN, EXPERT, SHARED_EXPERT -> DType.F8_E4M3;
            case SELECTION_BIAS -> DType.F32;
            case EMBEDDING, HEAD, GATE, MTP_PROJECTION, NORM -> DType.BF16;
        };
    }

    private static void writeHoles(Path file, List<Declaration> declared) throws IOException {
        ByteBuffer header = SafetensorsWriter.header(declared, Map.of());
        long size = header.remaining()
                + declared.stream().mapToLong(Declaration::bytes).sum();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.write(header);
            channel.write(ByteBuffer.allocate(1), size - 1);
        }
    }
}
