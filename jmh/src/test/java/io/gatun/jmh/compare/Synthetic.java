package io.gatun.jmh.compare;

import io.gatun.model.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Made-up results: log-normal times, as noise on a machine multiplies. */
final class Synthetic {
    private Synthetic() {}

    /** {@code forks} times around {@code center}, {@code noise} the standard deviation of their logarithms. */
    static double[] times(SplittableRandom random, int forks, double center, double noise) {
        double[] times = new double[forks];
        for (int i = 0; i < forks; i++) times[i] = center * Math.exp(noise * random.nextGaussian());
        return times;
    }

    static Measurement measurement(double[] times) {
        return new Measurement(times, "us/op", Double.NaN);
    }

    /** A file as JMH writes it, of benchmarks by their full names. */
    static Path file(Path file, Map<String, double[]> benchmarks) throws IOException {
        List<Object> entries = new ArrayList<>();
        benchmarks.forEach((name, times) -> entries.add(entry(name, times)));
        return Files.writeString(file, Json.write(entries));
    }

    private static Map<String, Object> entry(String name, double[] times) {
        List<Object> forks = new ArrayList<>();
        for (double time : times) forks.add(List.of(2 * time, time, 0.9 * time)); // the median counts
        return Map.of(
                "benchmark",
                name,
                "mode",
                "avgt",
                "params",
                Map.of("threads", "1", "shape", "8x8"),
                "primaryMetric",
                Map.of("scoreUnit", "us/op", "rawData", forks));
    }
}
