package io.gatun.jmh.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The benchmarks that two sets of results share, and what is said of each. */
record Comparison(List<Row> rows, int onlyBefore, int onlyAfter) {
    /**
     * One benchmark.
     *
     * @param before, after the median times
     */
    record Row(String name, String unit, double before, double after, Ratio ratio, Verdict verdict) {}

    /** Whether forks of the two sides ran in pairs. */
    enum Forks {
        PAIRED,
        INDEPENDENT
    }

    /**
     * Compares.
     *
     * @throws CompareException when nothing is shared, units differ or there are too few forks
     */
    static Comparison of(
            Map<String, Measurement> before, Map<String, Measurement> after, Forks forks, double threshold) {
        List<Row> rows = new ArrayList<>();
        before.forEach((name, measurement) -> {
            if (after.containsKey(name)) rows.add(row(name, measurement, after.get(name), forks, threshold));
        });
        if (rows.isEmpty()) throw new CompareException("the results have no benchmark in common");
        return new Comparison(rows, before.size() - rows.size(), after.size() - rows.size());
    }

    private static Row row(String name, Measurement before, Measurement after, Forks forks, double threshold) {
        if (!before.unit().equals(after.unit())) {
            throw new CompareException(
                    "%s is in %s before and in %s after".formatted(name, before.unit(), after.unit()));
        }
        Ratio ratio = forks == Forks.PAIRED
                ? Ratio.paired(before.times(), after.times())
                : Ratio.independent(before.times(), after.times());
        Verdict verdict = Verdict.of(ratio, threshold, before.allocated(), after.allocated());
        return new Row(name, before.unit(), before.time(), after.time(), ratio, verdict);
    }

    boolean isBad() {
        return rows.stream().anyMatch(row -> row.verdict().isBad());
    }
}
