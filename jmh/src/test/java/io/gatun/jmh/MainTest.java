package io.gatun.jmh;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
    @TempDir
    private Path folder;

    @Test
    void factsOfTheMachineLieBesideAResult() throws IOException {
        Path result = folder.resolve("result.json");
        Main.main(new String[] {"no benchmark has this name", "-l", "-rff", result.toString()});
        JsonObject facts = JsonObject.read(folder.resolve("result.json.machine"));
        assertThat(facts.integer("cores")).isPositive();
        assertThat(facts.text("jvm")).contains(System.getProperty("java.vm.version"));
        for (String fact : new String[] {"cpu", "simd", "caches", "memory_gb", "commit", "date", "load"}) {
            assertThat(facts.has(fact)).as(fact).isTrue();
        }
    }
}
