package io.gatun.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.sun.management.ThreadMXBean;
import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.ParameterCounts;
import io.gatun.model.json.JsonObject;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.model.tokenizer.TokenizerJson;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two thousand damaged files: each is refused with a sentence that names it, or opens and can be read from end to end. What a
 * case may cost is counted in bytes of heap, which do not depend on the machine's speed.
 */
class DamagedFilesTest {
    private static final long BYTES_PER_CASE = 64 << 20;
    private static final long BYTES_PER_BYTE = 100; // a tree of small values
    private static final Duration GUARD = Duration.ofSeconds(120); // against a hang only; all cases take some seconds

    private static final String SHARD = "model-00001-of-00002.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    Path folder;

    @BeforeEach
    void place() throws IOException {
        for (String name : List.of("config.json", SHARD, "model-00002-of-00002.safetensors", INDEX)) {
            Files.copy(Golden.folder("fp8-ragged-mini").resolve(name), folder.resolve(name));
        }
        Files.writeString(folder.resolve("generation_config.json"), """
                {"bos_token_id": 0, "eos_token_id": [1, 2], "do_sample": true, "temperature": 0.6, "top_p": 0.95}""");
        new ByteLevelTokenizer(List.of("<a>", "<b>")).write(folder);
    }

    @ParameterizedTest
    @CsvSource({
        SHARD + ", 800, 1",
        INDEX + ", 300, 2",
        "config.json, 400, 3",
        "generation_config.json, 100, 4",
        "tokenizer.json, 400, 5"
    })
    void areRefusedWithASentenceOrOpen(String name, int cases, long seed) {
        assertTimeoutPreemptively(GUARD, () -> {
            Path file = folder.resolve(name);
            byte[] whole = Files.readAllBytes(file);
            Damage damage = new Damage(new Random(seed));
            int refused = 0;
            for (int i = 0; i < cases; i++) {
                byte[] damaged = name.equals(SHARD) ? damage.safetensors(whole) : damage.json(whole);
                Files.write(file, damaged);
                if (!opens(file, damaged.length, "case " + i + ": " + damage.last())) refused++;
            }
            assertThat(refused).as("refused of " + cases).isGreaterThan(cases / 4);
        });
    }

    /** Whether the file opened; fails for anything but a sentence that names it, or when it cost too much. */
    private boolean opens(Path file, int length, String what) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        boolean opened = true;
        try {
            open(file);
        } catch (ModelException e) {
            opened = false;
            boolean named = e.getMessage().contains(file.getFileName().toString())
                    || e.getMessage().contains(folder.toString());
            assertThat(named).as(what + ": " + e.getMessage()).isTrue();
            assertThat(e.getMessage()).as(what).hasSizeLessThan(1500);
            assertThat(e.getMessage().lines()).as(what).hasSize(1);
        } catch (RuntimeException | Error e) {
            throw new AssertionError(what, e);
        }
        long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertThat(allocated).as("heap for " + what).isLessThan(BYTES_PER_CASE + BYTES_PER_BYTE * length);
        return opened;
    }

    private void open(Path file) {
        switch (file.getFileName().toString()) {
            case "tokenizer.json" -> {
                Tokenizer tokenizer = TokenizerJson.read(file);
                tokenizer.decode(tokenizer.encode("The keeper's 12 ships <a> 他每天 🚢"));
            }
            case "generation_config.json" -> JsonObject.read(file).list("eos_token_id");
            case "config.json" -> {
                ParameterCounts.of(ModelConfigJson.read(file));
                touch();
            }
            default -> touch();
        }
    }

    private void touch() {
        try (Arena arena = Arena.ofConfined()) {
            Checkpoint checkpoint = Checkpoint.open(folder, arena);
            for (String name : checkpoint.names()) {
                Tensor tensor;
                try {
                    tensor = checkpoint.tensor(name);
                } catch (ModelException unknownType) {
                    continue;
                }
                MemorySegment data = tensor.data();
                if (data.byteSize() == 0) continue;
                data.get(JAVA_BYTE, 0);
                data.get(JAVA_BYTE, data.byteSize() - 1);
            }
            checkpoint.unused();
        }
    }
}
