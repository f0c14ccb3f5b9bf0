package io.gatun.jmh.compare;

import io.gatun.model.json.JsonObject;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToIntFunction;

/** What people read: a line for each benchmark, then what it comes to. */
final class Report {
    private static final List<String> MACHINE = List.of("cpu", "cores", "simd", "jvm");

    private final PrintWriter out;

    Report(PrintWriter out) {
        this.out = out;
    }

    /** Says where two sets of {@link io.gatun.jmh.MachineFacts} differ: times of different machines compare the machines. */
    void machines(Map<?, ?> before, Map<?, ?> after) {
        for (String fact : MACHINE) {
            if (Objects.equals(before.get(fact), after.get(fact))) continue;
            line("note: %s was %s before and is %s after", fact, before.get(fact), after.get(fact));
        }
    }

    void machines(JsonObject before, JsonObject after) {
        machines(before.fields(), after.fields());
    }

    void print(Comparison comparison, double threshold) {
        int width = width(comparison.rows(), row -> row.name().length());
        line(
                "%-" + width + "s %12s %12s  %-6s %7s  %-15s %s",
                "benchmark",
                "before",
                "after",
                "unit",
                "ratio",
                "99 %",
                "");
        for (Comparison.Row row : comparison.rows()) {
            line(
                    "%-" + width + "s %12s %12s  %-6s %7s  %-15s %s",
                    row.name(),
                    number(row.before()),
                    number(row.after()),
                    row.unit(),
                    number(row.ratio().value()),
                    interval(row.ratio()),
                    row.verdict());
        }
        verdicts(comparison.rows().stream().map(Comparison.Row::verdict).toList(), threshold);
        if (comparison.onlyBefore() + comparison.onlyAfter() > 0) {
            line(
                    "%d benchmarks were measured only before, %d only after",
                    comparison.onlyBefore(), comparison.onlyAfter());
        }
    }

    /** How far apart the same program's two sides came out. */
    void noise(Comparison comparison) {
        double apart = 0;
        double wide = 0;
        for (Comparison.Row row : comparison.rows()) {
            apart = Math.max(apart, Math.abs(Math.log(row.ratio().value())));
            wide = Math.max(
                    wide,
                    Math.max(-Math.log(row.ratio().low()), Math.log(row.ratio().high())));
        }
        line(
                "noise: medians of the same program up to %.1f %% apart, intervals up to %.1f %% from 1",
                100 * Math.expm1(apart), 100 * Math.expm1(wide));
    }

    /** A ratio that is too noisy to be committed. */
    void leftOut(String name, Ratio ratio) {
        line("left out, too noisy: %s, %s (%s)", name, number(ratio.value()), interval(ratio));
    }

    void print(BaselineCheck check, double threshold) {
        int width = width(check.rows(), row -> row.name().length());
        String columns = "%-" + width + "s %9s %9s %7s  %-15s %7s %9s  %s";
        line(columns, "benchmark", "committed", "now", "change", "99 %", "of roof", "B/op", "");
        for (BaselineCheck.Row row : check.rows()) {
            line(
                    columns,
                    row.name(),
                    number(row.committed()),
                    number(row.pair().ratio().value()),
                    number(row.change().value()),
                    interval(row.change()),
                    Double.isNaN(row.pair().roof())
                            ? ""
                            : "%.0f %%".formatted(100 * row.pair().roof()),
                    Double.isNaN(row.pair().allocated())
                            ? ""
                            : number(row.pair().allocated()),
                    row.verdict());
        }
        verdicts(check.rows().stream().map(BaselineCheck.Row::verdict).toList(), threshold);
        if (check.notMeasured() + check.notCommitted() > 0) {
            line(
                    "%d benchmarks of the baseline were not measured, %d measured ones are not in it",
                    check.notMeasured(), check.notCommitted());
        }
    }

    private void verdicts(List<Verdict> verdicts, double threshold) {
        long slower = verdicts.stream().filter(v -> v == Verdict.SLOWER).count();
        long allocate = verdicts.stream().filter(v -> v == Verdict.ALLOCATES).count();
        long faster = verdicts.stream().filter(v -> v == Verdict.FASTER).count();
        line(
                "%d slower, %d allocate, %d faster, %d unchanged: a change is called when its 99 %% interval lies beyond %.0f %%",
                slower, allocate, faster, verdicts.size() - slower - allocate - faster, 100 * threshold);
    }

    private static <T> int width(List<T> rows, ToIntFunction<T> length) {
        return Math.max(9, rows.stream().mapToInt(length).max().orElse(0));
    }

    private static String interval(Ratio ratio) {
        return number(ratio.low()) + " to " + number(ratio.high());
    }

    /** Four digits that count. */
    private static String number(double value) {
        if (value == 0) return "0";
        int digits = (int) Math.clamp(3 - Math.floor(Math.log10(1.00005 * Math.abs(value))), 0, 6);
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    void line(String format, Object... arguments) {
        out.println(String.format(Locale.ROOT, format, arguments).stripTrailing());
    }
}
