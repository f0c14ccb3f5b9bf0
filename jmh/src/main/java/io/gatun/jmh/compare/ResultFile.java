package io.gatun.jmh.compare;

import io.gatun.jmh.MachineFacts;
import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** JMH's JSON, read: measurements by name, as {@code RmsNormBenchmark.forward[shape=1x7168, threads=1]}, in the file's order. */
final class ResultFile {
    /** JMH itself allocates about 10 kB in an iteration: where it was less than this, the benchmark has allocated nothing. */
    private static final double OWN_BYTES = 32_000;

    private ResultFile() {}

    /**
     * Reads a file that JMH wrote with {@code -rf json}.
     *
     * @throws CompareException when it is none, or has no benchmark in it
     */
    static Map<String, Measurement> read(Path file) {
        try {
            Map<String, Measurement> measurements = new LinkedHashMap<>();
            if (!(Json.read(file) instanceof List<?> entries) || entries.isEmpty()) {
                throw new CompareException(file + " has no benchmark in it; it must be what JMH writes with -rf json");
            }
            for (Object entry : entries) {
                JsonObject benchmark = JsonObject.of(entry, file.toString());
                measurements.merge(name(benchmark), measurement(benchmark), Measurement::and);
            }
            return measurements;
        } catch (ModelException e) {
            throw new CompareException(e.getMessage());
        }
    }

    /** What was measured on; empty when nothing lies beside the file. */
    static Optional<JsonObject> machine(Path file) {
        Path facts = MachineFacts.beside(file);
        return Files.exists(facts) ? Optional.of(JsonObject.read(facts)) : Optional.empty();
    }

    private static String name(JsonObject benchmark) {
        String method = benchmark.text("benchmark");
        String type = method.substring(0, method.lastIndexOf('.'));
        String name = method.substring(type.lastIndexOf('.') + 1);
        Map<String, Object> params = new TreeMap<>();
        benchmark.object("params").ifPresent(all -> all.fields().forEach((key, value) -> params.put("" + key, value)));
        return params.isEmpty()
                ? name
                : name + params.toString().replace('{', '[').replace('}', ']');
    }

    private static Measurement measurement(JsonObject benchmark) {
        JsonObject metric =
                benchmark.object("primaryMetric").orElseThrow(() -> benchmark.error("primaryMetric", "is missing"));
        boolean throughput = benchmark.text("mode").equals("thrpt");
        if (!metric.has("rawData")) {
            throw new CompareException(
                    "%s: %s was measured in mode %s, whose single values are not kept; avgt is compared"
                            .formatted(benchmark.source(), name(benchmark), benchmark.text("mode")));
        }
        double[] times = metric.list("rawData").stream()
                .mapToDouble(fork -> time(numbers(fork, benchmark), throughput, benchmark))
                .toArray();
        String unit = metric.text("scoreUnit");
        return new Measurement(times, throughput ? unit.replace("ops/", "") + "/op" : unit, allocated(benchmark));
    }

    private static double time(double[] iterations, boolean throughput, JsonObject benchmark) {
        double score = Measurement.median(iterations);
        if (!(score > 0) || Double.isInfinite(score)) {
            throw new CompareException("%s: %s has the score %s; scores are positive"
                    .formatted(benchmark.source(), name(benchmark), score));
        }
        return throughput ? 1 / score : score;
    }

    private static double[] numbers(Object fork, JsonObject benchmark) {
        if (!(fork instanceof List<?> list) || list.isEmpty() || !list.stream().allMatch(Number.class::isInstance)) {
            throw new CompareException("%s: rawData of %s holds %s; each fork has a list of numbers"
                    .formatted(benchmark.source(), name(benchmark), fork));
        }
        return list.stream().mapToDouble(n -> ((Number) n).doubleValue()).toArray();
    }

    private static double allocated(JsonObject benchmark) {
        Optional<JsonObject> bytes =
                benchmark.object("secondaryMetrics").flatMap(all -> all.object("gc.alloc.rate.norm"));
        Optional<JsonObject> rate = benchmark.object("secondaryMetrics").flatMap(all -> all.object("gc.alloc.rate"));
        double seconds = seconds(benchmark.text("measurementTime", ""));
        if (bytes.isEmpty() || rate.isEmpty() || Double.isNaN(seconds)) return Double.NaN;
        double least = Double.POSITIVE_INFINITY;
        List<?> forks = bytes.get().list("rawData");
        for (int i = 0; i < forks.size(); i++) {
            double[] each = numbers(forks.get(i), benchmark);
            double[] rates = numbers(rate.get().list("rawData").get(i), benchmark);
            double last = rates[rates.length - 1] * 1e6 * seconds < OWN_BYTES ? 0 : each[each.length - 1];
            least = Math.min(least, last);
        }
        return least;
    }

    /** Of a time as JMH writes it, {@code 100 ms}; NaN for another text, as single shots have it. */
    private static double seconds(String time) {
        String[] parts = time.split(" ");
        if (parts.length != 2) return Double.NaN;
        double unit = switch (parts[1]) {
            case "us" -> 1e-6;
            case "ms" -> 1e-3;
            case "s" -> 1;
            case "min" -> 60;
            default -> Double.NaN;
        };
        return Double.parseDouble(parts[0]) * unit;
    }
}
