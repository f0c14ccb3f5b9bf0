package io.gatun.model.generate;

import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/** How likely a model finds sequences; their logits. Used by one thread at a time. */
public final class Scorer implements AutoCloseable {
    private static final int LOGITS = 1 << 20; // that are in memory at once

    private final Passes passes;
    private final DeepSeekV3 model;
    private final Ops ops;
    private final Runnable closed;
    private final Arena memory = Arena.ofShared();
    private final int chunk;
    private final Tensor logits; // [chunk, vocabulary]
    private final Tensor losses; // [chunk]
    private final Tensor targets; // i32 [chunk]
    private final Tensor hostTargets;
    private boolean open = true;

    /** A scorer; {@code closed} runs when it closes. */
    public Scorer(Passes passes, Runnable closed) {
        this.passes = passes;
        this.closed = closed;
        model = passes.model();
        ops = passes.ops();
        int vocabulary = model.config().vocabSize();
        chunk = Math.max(1, LOGITS / vocabulary);
        logits = ops.reals(memory, chunk, vocabulary);
        losses = ops.reals(memory, chunk);
        targets = ops.ints(memory, chunk);
        hostTargets = ops.onHost(targets);
    }

    /**
     * Writes the logits after each of {@code ids}.
     *
     * @param out f32 [ids, vocabulary]
     * @throws io.gatun.tensor.TensorException when the shape does not fit, or an id is not of the vocabulary
     */
    public void logits(Tensor out, int... ids) {
        try (Sequence sequence = passes.newPlainSequence()) {
            passes.prefill(
                    sequence, ids, (states, start) -> passes.logits(out.slice(start, start + states.rows()), states));
        }
    }

    /** The sum of the losses, in nats, of predicting each of {@code ids} but the first from those before it. */
    public double loss(int... ids) {
        double[] sum = new double[1];
        try (Sequence sequence = passes.newPlainSequence()) {
            passes.prefill(sequence, ids, (states, start) -> {
                int count = Math.min(states.rows(), ids.length - 1 - start);
                for (int from = 0; from < count; from += chunk) {
                    int to = Math.min(count, from + chunk);
                    sum[0] += loss(states.slice(from, to), ids, start + from + 1);
                }
            });
        }
        return sum[0];
    }

    private double loss(Tensor states, int[] ids, int firstTarget) {
        int rows = states.rows();
        Tensor some = logits.slice(0, rows);
        model.logits(some, states);
        for (int r = 0; r < rows; r++) hostTargets.set(0, r, ids[firstTarget + r]);
        ops.upload(targets, hostTargets);
        ops.elementwise().crossEntropy(losses.slice(0, rows), some, targets.slice(0, rows), 0);
        return ops.elementwise().sum(losses.slice(0, rows));
    }

    /** Frees its memory; a second call does nothing. */
    @Override
    public void close() {
        if (!open) return;
        open = false;
        memory.close();
        closed.run();
    }
}
