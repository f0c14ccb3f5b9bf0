package io.gatun.model.checkpoint;

import io.gatun.model.ModelException;
import io.gatun.model.json.Excerpt;
import io.gatun.model.json.InputFile;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a safetensors file, checked: every tensor's bytes are as many as its shape needs, and together they cover the
 * data exactly, as the format asks.
 *
 * @param entries by name, in the header's order
 * @param metadata the texts under {@code __metadata__}
 */
record SafetensorsHeader(Map<String, SafetensorsEntry> entries, Map<String, String> metadata) {
    private static final String METADATA = "__metadata__";
    private static final int MOST_VALUES =
            100_000; // in one entry: a shape has a few, metadata of a training run some hundreds

    /**
     * Reads the header's JSON, one tensor after another.
     *
     * @param dataBytes how many bytes follow the header
     */
    static SafetensorsHeader parse(byte[] utf8, String file, long dataBytes) {
        String source = file + " (header)";
        String text = InputFile.text(utf8, source);
        Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        Json.fields(text, source, MOST_VALUES, (name, tree) -> {
            JsonObject field = JsonObject.of(Collections.singletonMap(name, tree), source);
            JsonObject fields = field.object(name).orElseThrow(() -> field.wrong(name, "an object"));
            if (name.equals(METADATA)) {
                fields.fields().forEach((key, value) -> metadata.put(key.toString(), String.valueOf(value)));
                return true;
            }
            return entries.put(name, entry(name, fields)) == null;
        });
        SafetensorsHeader header = new SafetensorsHeader(entries, metadata);
        header.checkSizes(file);
        header.checkCover(file, dataBytes);
        return header;
    }

    private static SafetensorsEntry entry(String name, JsonObject fields) {
        long[] shape = longs(fields, "shape");
        long[] offsets = longs(fields, "data_offsets");
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw fields.error("data_offsets", "should be the first byte and the one after the last");
        }
        return new SafetensorsEntry(name, fields.text("dtype"), shape, offsets[0], offsets[1]);
    }

    private static long[] longs(JsonObject fields, String name) {
        if (!fields.has(name)) throw fields.error(name, "is missing");
        List<?> elements = fields.list(name);
        long[] numbers = new long[elements.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(elements.get(i) instanceof Long number) || number < 0) {
                throw fields.error(
                        name, "holds " + Excerpt.of(elements.get(i)) + "; whole numbers from 0 on were expected");
            }
            numbers[i] = number;
        }
        return numbers;
    }

    private void checkSizes(String file) {
        for (SafetensorsEntry entry : entries.values()) {
            long count = entry.count();
            long bytes = entry.end() - entry.begin();
            int each = entry.elementBytes();
            if (count < 0 || each > 0 && (count != bytes / each || bytes % each != 0)) {
                throw new ModelException("%s: the header gives %d bytes to %s, which is %s"
                        .formatted(file, bytes, Excerpt.of(entry.name()), entry));
            }
        }
    }

    private void checkCover(String file, long dataBytes) {
        List<SafetensorsEntry> sorted = new ArrayList<>(entries.values());
        sorted.sort(Comparator.comparingLong(SafetensorsEntry::begin).thenComparingLong(SafetensorsEntry::end));
        long covered = 0;
        String previous = "the header";
        for (SafetensorsEntry entry : sorted) {
            if (entry.begin() != covered) {
                throw new ModelException("%s: %s starts at byte %d of the data, and %s ends at %d: tensors %s"
                        .formatted(
                                file,
                                Excerpt.of(entry.name()),
                                entry.begin(),
                                Excerpt.of(previous),
                                covered,
                                entry.begin() < covered ? "overlap" : "leave a hole"));
            }
            covered = entry.end();
            previous = entry.name();
        }
        if (covered > dataBytes) {
            throw new ModelException("%s is cut off: its tensors need %d bytes after the header, and there are %d"
                    .formatted(file, covered, dataBytes));
        }
        if (covered < dataBytes) {
            throw new ModelException(
                    "%s has %d bytes after the header, and its tensors end at %d".formatted(file, dataBytes, covered));
        }
    }
}
