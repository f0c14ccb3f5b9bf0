package io.gatun.jmh.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultFileTest {
    @TempDir
    private Path folder;

    private Measurement only(String mode, String unit, String data, String secondary) throws IOException {
        Path file = folder.resolve("result.json");
        Files.writeString(file, """
                [{"benchmark": "io.gatun.jmh.ABenchmark.run", "mode": "%s", "measurementTime": "100 ms",
                  "params": {"threads": "2", "shape": "1x2"},
                  "primaryMetric": {"scoreUnit": "%s", %s}, "secondaryMetrics": {%s}}]
                """.formatted(mode, unit, data, secondary));
        var all = ResultFile.read(file);
        assertThat(all).containsOnlyKeys("ABenchmark.run[shape=1x2, threads=2]");
        return all.values().iterator().next();
    }

    @Test
    void aForkIsTheMedianOfItsIterations() throws IOException {
        Measurement m = only("avgt", "us/op", "\"rawData\": [[9, 2, 1], [4, 5, 60]]", "");
        assertThat(m.times()).containsExactly(2, 5);
        assertThat(m.unit()).isEqualTo("us/op");
        assertThat(m.allocated()).isNaN();
    }

    @Test
    void throughputBecomesTime() throws IOException {
        Measurement m = only("thrpt", "ops/s", "\"rawData\": [[4], [8]]", "");
        assertThat(m.times()).containsExactly(0.25, 0.125);
        assertThat(m.unit()).isEqualTo("s/op");
    }

    @Test
    void whatJmhItselfAllocatesIsNotCounted() throws IOException {
        String data = "\"rawData\": [[1, 1], [1, 1]]";
        String warming = """
                "gc.alloc.rate": {"rawData": [[90, 0.1], [80, 0.2]]}, "gc.alloc.rate.norm": {"rawData": [[9e4, 171], [8e4, 300]]}
                """; // 10 kB in the last iteration of 100 ms
        assertThat(only("avgt", "us/op", data, warming).allocated()).isZero();
        String steady = """
                "gc.alloc.rate": {"rawData": [[90, 50], [80, 40]]}, "gc.alloc.rate.norm": {"rawData": [[9e4, 64], [8e4, 48]]}
                """;
        assertThat(only("avgt", "us/op", data, steady).allocated()).isCloseTo(48, within(1e-9));
    }

    @Test
    void modesWithoutSingleValuesAreRefused() {
        assertThatThrownBy(() -> only("sample", "us/op", "\"rawDataHistogram\": [[[[1, 2]]]]", ""))
                .isInstanceOf(CompareException.class)
                .hasMessageContaining("mode sample");
    }

    @Test
    void scoresThatAreNoNumbersAreRefused() {
        assertThatThrownBy(() -> only("avgt", "us/op", "\"rawData\": [[\"NaN\"]]", ""))
                .isInstanceOf(CompareException.class)
                .hasMessageContaining("rawData of ABenchmark.run");
    }
}
