package io.gatun.trainer.report;

import java.util.List;

/** Several sinks as one. */
record FanOut(List<MetricsSink> sinks) implements MetricsSink {
    @Override
    public void step(StepMetrics metrics) {
        for (MetricsSink sink : sinks) sink.step(metrics);
    }

    @Override
    public void heldOut(long step, double bitsPerByte) {
        for (MetricsSink sink : sinks) sink.heldOut(step, bitsPerByte);
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        for (MetricsSink sink : sinks) {
            try {
                sink.close();
            } catch (RuntimeException thrown) { // the others still hold files
                if (failure == null) failure = thrown;
                else failure.addSuppressed(thrown);
            }
        }
        if (failure != null) throw failure;
    }
}
