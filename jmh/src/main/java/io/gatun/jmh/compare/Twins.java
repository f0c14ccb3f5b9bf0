package io.gatun.jmh.compare;

import java.util.LinkedHashMap;
import java.util.Map;

/** Benchmarks beside the twin that does the same work plainly: {@code X.forward[…]} and {@code X.forwardTwin[…]} of one file. */
final class Twins {
    private Twins() {}

    /**
     * A benchmark relative to its twin.
     *
     * @param ratio of its time to the twin's
     * @param roof the share of its roof that it reaches; NaN without a {@code Roof} benchmark
     * @param allocated bytes an operation; NaN when not measured
     */
    record Pair(Ratio ratio, double roof, double allocated) {}

    /** All pairs of a result, by the name of the benchmark. */
    static Map<String, Pair> of(Map<String, Measurement> results) {
        Map<String, Pair> pairs = new LinkedHashMap<>();
        results.forEach((name, kernel) -> {
            Measurement twin = results.get(beside(name, "Twin"));
            if (twin == null) return;
            Measurement roof = results.get(beside(name, "Roof"));
            Ratio ratio = Ratio.independent(twin.times(), kernel.times());
            pairs.put(
                    name, new Pair(ratio, roof == null ? Double.NaN : roof.time() / kernel.time(), kernel.allocated()));
        });
        if (pairs.isEmpty()) throw new CompareException("the results have no benchmark beside its twin");
        return pairs;
    }

    private static String beside(String name, String role) {
        int end = name.indexOf('[');
        return end < 0 ? name + role : name.substring(0, end) + role + name.substring(end);
    }
}
