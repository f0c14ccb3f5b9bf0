package io.gatun.trainer.report;

import java.util.Random;

/** Rows of a made-up run that depend on the step alone, as those of a deterministic training run do. */
final class Rows {
    static final int[] LAYERS = {1, 2, 5};
    static final int EXPERTS = 7;

    private Rows() {}

    static StepMetrics at(long step) {
        return at(step, 8000);
    }

    static StepMetrics at(long step, double tokensPerSecond) {
        var random = new Random(step);
        long[][] loads = new long[LAYERS.length][EXPERTS];
        for (long[] layer : loads) for (int e = 0; e < EXPERTS; e++) layer[e] = 50 + random.nextInt(100);
        double loss = 5.5 / Math.sqrt(step) + 0.1 * random.nextDouble();
        return new StepMetrics(
                step, 1024 * step, 8, loss, loss + 0.4, 2e-4, 3e-3 / step, random.nextDouble(), tokensPerSecond, loads);
    }

    /** Steps {@code from} to {@code to}, both included; every third is followed by a held-out pass. */
    static void write(MetricsSink sink, int from, int to, double tokensPerSecond) {
        for (int step = from; step <= to; step++) {
            sink.step(at(step, tokensPerSecond));
            if (step % 3 == 0) sink.heldOut(step, 8.0 / step);
        }
    }
}
