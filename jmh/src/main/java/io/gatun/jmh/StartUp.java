package io.gatun.jmh;

import io.gatun.model.LanguageModel;
import io.gatun.model.generate.Session;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * How soon a program is at full speed, in milliseconds since its JVM started: the first token of a model's folder, and when decode steps
 * first took no more than a tenth longer than they take in the end, eight in a row. The cache is warm after a first run. Give the JVM no flag but
 * {@code --add-modules jdk.incubator.vector}: that is the question.
 *
 * <pre>{@code
 * for i in 1 2 3; do java --add-modules jdk.incubator.vector -cp jmh/target/benchmarks.jar io.gatun.jmh.StartUp DIR; done
 * }</pre>
 */
public final class StartUp {
    private static final int STEPS = 300;
    private static final int IN_A_ROW = 8;

    private StartUp() {}

    public static void main(String[] args) {
        if (args.length != 1) throw new IllegalArgumentException("one argument: the folder of a model");
        long start = ManagementFactory.getRuntimeMXBean().getStartTime();
        double[] times = new double[STEPS];
        long[] ends = new long[STEPS];
        long opened, first;
        try (LanguageModel model = LanguageModel.open(Path.of(args[0]), LanguageModel.Options.defaults());
                Session session = model.newSession()) {
            opened = System.currentTimeMillis() - start;
            session.prefill(1, 2, 3, 4, 5, 6, 7, 8);
            first = System.currentTimeMillis() - start;
            for (int i = 0; i < STEPS; i++) {
                long before = System.nanoTime();
                session.step(i % 97);
                times[i] = (System.nanoTime() - before) * 1e-6;
                ends[i] = System.currentTimeMillis() - start;
            }
        }
        double[] last = Arrays.copyOfRange(times, STEPS / 2, STEPS);
        Arrays.sort(last);
        double median = last[last.length / 2];
        int fast = 0, step = 0;
        for (; step < STEPS && fast < IN_A_ROW; step++) fast = times[step] <= 1.1 * median ? fast + 1 : 0;
        String full = fast < IN_A_ROW ? "never" : ends[Math.max(0, step - IN_A_ROW)] + " ms";
        System.out.printf(
                "opened %d ms, first token %d ms, full speed %s, step then %.1f ms%n", opened, first, full, median);
    }
}
