package io.gatun.trainer.command;

import io.gatun.model.json.Json;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Facts in sections: two aligned columns for people, or one JSON object whose keys are the labels in snake case. */
final class Report {
    private record Row(String label, Object value, String text) {}

    private final Map<String, List<Row>> sections = new LinkedHashMap<>();
    private List<Row> rows;

    /** Starts a section, which the rows that follow belong to. */
    void section(String name) {
        rows = sections.computeIfAbsent(name, _ -> new ArrayList<>());
    }

    /** A number with its digits in groups of three for people. */
    void row(String label, long value) {
        row(label, value, String.format(Locale.ROOT, "%,d", value));
    }

    /** A text, or anything else that reads the same in both forms. */
    void row(String label, Object value) {
        row(label, value, String.valueOf(value));
    }

    /** A size of memory or files, in bytes for programs. */
    void bytes(String label, long bytes, String remark) {
        row(label, bytes, remark.isEmpty() ? Bytes.of(bytes) : Bytes.of(bytes) + ", " + remark);
    }

    /** A value and what people read for it. */
    void row(String label, Object value, String text) {
        rows.add(new Row(label, value, text));
    }

    void print(PrintStream out, boolean json) {
        if (json) {
            Map<String, Object> tree = new LinkedHashMap<>();
            sections.forEach((name, facts) -> {
                Map<String, Object> fields = new LinkedHashMap<>();
                facts.forEach(row -> fields.put(key(row.label()), row.value()));
                tree.put(key(name), fields);
            });
            out.println(Json.writeCompact(tree));
            return;
        }
        sections.forEach((name, facts) -> {
            out.println(name);
            facts.forEach(row -> out.printf("  %-28s %s%n", row.label(), row.text()));
        });
    }

    private static String key(String label) {
        return label.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_").replaceAll("^_|_$", "");
    }
}
