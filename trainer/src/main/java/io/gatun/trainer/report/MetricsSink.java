package io.gatun.trainer.report;

import java.util.List;

/**
 * Where a training run's numbers go. One thread calls a sink: {@link #step} once for each step in order, {@link #heldOut}
 * after the step it measured and before that step's checkpoint, so that a resumed run repeats neither.
 * A file that cannot be written gives an {@link java.io.UncheckedIOException}.
 */
public interface MetricsSink extends AutoCloseable {
    void step(StepMetrics metrics);

    /** The held-out text's cross-entropy in bits a byte, with the weights after {@code step}; step 0 is the start. */
    void heldOut(long step, double bitsPerByte);

    @Override
    void close();

    /** A sink that hands everything to each of {@code sinks}, in their order; closing it closes all of them. */
    static MetricsSink all(MetricsSink... sinks) {
        return new FanOut(List.of(sinks));
    }
}
