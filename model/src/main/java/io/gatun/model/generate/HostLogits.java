package io.gatun.model.generate;

import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Place;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/** A model's logits in host memory, where samplers read them: written there, or on the way over memory of the GPU. */
final class HostLogits {
    private final Ops ops;
    private final DeepSeekV3 model;
    private Tensor memory; // [rows, vocabulary] on the GPU: the most rows so far
    private Tensor rows; // of it, as many as asked for last

    HostLogits(Ops ops, DeepSeekV3 model) {
        this.ops = ops;
        this.model = model;
    }

    /** Writes {@code to} [rows, vocabulary] of {@code states} [rows, hidden]. */
    void write(Tensor to, Tensor states) {
        if (ops.place() == Place.HOST) {
            model.logits(to, states);
            return;
        }
        reserve(states.rows());
        model.logits(rows, states);
        ops.download(to, rows);
    }

    private void reserve(int count) {
        if (rows != null && rows.rows() == count) return;
        if (memory == null || memory.rows() < count) {
            memory = ops.reals(Arena.ofAuto(), count, model.config().vocabSize());
        }
        rows = memory.slice(0, count);
    }
}
