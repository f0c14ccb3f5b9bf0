package io.gatun.jmh.compare;

import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The committed ratios of benchmarks to their twins, by name, and the machine they were measured on. Ratios and not times: twin and
 * kernel slow down together when a machine is busy.
 *
 * @param machine what {@link io.gatun.jmh.MachineFacts} told
 */
record Baseline(Map<String, Object> machine, Map<String, Entry> entries) {
    /** @param allocated bytes an operation; NaN when they were not measured */
    record Entry(double ratio, double allocated) {}

    /**
     * The baseline that results make: without ratios so noisy that their 99 % interval reaches further than {@code threshold} from
     * them, since nothing could be held against those.
     *
     * @throws CompareException when no ratio is left
     */
    static Baseline of(Map<String, Measurement> results, Map<String, Object> machine, double threshold) {
        Map<String, Entry> entries = new LinkedHashMap<>();
        Twins.of(results).forEach((name, pair) -> {
            Ratio spread = pair.ratio().over(pair.ratio().value());
            if (spread.low() < 1 / (1 + threshold) || spread.high() > 1 + threshold) return;
            entries.put(name, new Entry(pair.ratio().value(), pair.allocated()));
        });
        if (entries.isEmpty()) {
            throw new CompareException("all ratios are noisier than %.0f %%; measure on a quieter machine, or longer"
                    .formatted(100 * threshold));
        }
        return new Baseline(machine, entries);
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws CompareException when it is no baseline or has no ratio
     */
    static Baseline read(Path file) {
        try {
            JsonObject tree = JsonObject.read(file);
            Map<String, Object> machine = new LinkedHashMap<>();
            object(tree, "machine").fields().forEach((name, fact) -> machine.put("" + name, fact));
            Map<String, Entry> entries = new LinkedHashMap<>();
            JsonObject ratios = object(tree, "ratios");
            for (Object name : ratios.fields().keySet()) {
                JsonObject entry = object(ratios, "" + name);
                entries.put("" + name, new Entry(entry.number("ratio"), entry.number("allocated", Double.NaN)));
            }
            if (entries.isEmpty()) throw new CompareException(file + " has no ratios");
            return new Baseline(machine, entries);
        } catch (ModelException e) {
            throw new CompareException(e.getMessage());
        }
    }

    private static JsonObject object(JsonObject tree, String name) {
        return tree.object(name).orElseThrow(() -> tree.error(name, "is missing"));
    }

    void write(Path file) {
        Map<String, Object> ratios = new LinkedHashMap<>();
        entries.forEach((name, entry) -> {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("ratio", Math.round(entry.ratio() * 1e4) / 1e4);
            if (!Double.isNaN(entry.allocated())) fields.put("allocated", Math.round(entry.allocated() * 10) / 10.0);
            ratios.put(name, fields);
        });
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("machine", machine);
        tree.put("ratios", ratios);
        try {
            Files.writeString(file, Json.write(tree) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + file, e);
        }
    }
}
