package io.gatun.jmh.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Results held against a {@link Baseline}.
 *
 * @param notMeasured ratios of the baseline that the results lack
 * @param notCommitted ratios of the results that the baseline lacks
 */
record BaselineCheck(List<Row> rows, int notMeasured, int notCommitted) {
    /** @param change of the ratio to the twin, relative to the committed one */
    record Row(String name, double committed, Twins.Pair pair, Ratio change, Verdict verdict) {}

    /**
     * Compares the ratios of all benchmarks that both have.
     *
     * @throws CompareException when there are none, or too few forks
     */
    static BaselineCheck of(Baseline baseline, Map<String, Measurement> results, double threshold) {
        List<Row> rows = new ArrayList<>();
        Map<String, Twins.Pair> pairs = Twins.of(results);
        pairs.forEach((name, pair) -> {
            Baseline.Entry entry = baseline.entries().get(name);
            if (entry == null) return;
            Ratio change = pair.ratio().over(entry.ratio());
            Verdict verdict = Verdict.of(change, threshold, entry.allocated(), pair.allocated());
            rows.add(new Row(name, entry.ratio(), pair, change, verdict));
        });
        if (rows.isEmpty()) throw new CompareException("the baseline has none of the results' benchmarks");
        return new BaselineCheck(rows, baseline.entries().size() - rows.size(), pairs.size() - rows.size());
    }

    boolean isBad() {
        return rows.stream().anyMatch(row -> row.verdict().isBad());
    }
}
