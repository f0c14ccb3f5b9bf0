package io.gatun.jmh.compare;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Two jars turn by turn, so that what the machine does beside them meets both: A B, then B A, and so on. Each turn is one fork of
 * every benchmark.
 */
final class Rounds {
    /** Runs a jar's benchmarks once. */
    @FunctionalInterface
    interface Jar {
        /**
         * @param result the file to write, JMH's JSON
         * @param label of this turn, for people: {@code A-3}
         */
        void run(Path result, String label);
    }

    /** What the two jars gave; entry i of a benchmark's times is round i's. */
    record Results(Map<String, Measurement> a, Map<String, Measurement> b) {}

    private Rounds() {}

    /**
     * Runs them.
     *
     * @param folder where the results are written: {@code A-1.json}, {@code B-1.json}, …
     * @throws CompareException for less rounds than can be told from noise
     */
    static Results run(Jar a, Jar b, int rounds, Path folder) {
        if (rounds < Ratio.FEWEST) {
            throw new CompareException("%d rounds are too few to tell a change from noise; at least %d are needed"
                    .formatted(rounds, Ratio.FEWEST));
        }
        Results results = new Results(new LinkedHashMap<>(), new LinkedHashMap<>());
        for (int round = 1; round <= rounds; round++) {
            boolean aFirst = round % 2 == 1;
            if (aFirst) turn(a, "A-" + round, folder, results.a);
            turn(b, "B-" + round, folder, results.b);
            if (!aFirst) turn(a, "A-" + round, folder, results.a);
        }
        return results;
    }

    private static void turn(Jar jar, String label, Path folder, Map<String, Measurement> all) {
        Path result = folder.resolve(label + ".json");
        jar.run(result, label);
        ResultFile.read(result).forEach((name, measurement) -> all.merge(name, measurement, Measurement::and));
    }
}
