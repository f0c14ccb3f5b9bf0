package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.WRITE;

import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/**
 * The output head and its cross-entropy, in chunks of rows: a vocabulary is wide, so the logits of a whole micro-batch never
 * exist at once. The main model and the MTP modules share it.
 */
final class Head {
    private static final int LOGITS_AT_ONCE =
            1 << 18; // 1 MiB of FP32: stays in cache between the product and its gradient

    /** One prediction task: hidden states and the tokens that follow them, cut into chunks. */
    static final class Slot {
        final Tensor losses; // [rows], nats
        private final Tensor[] hidden;
        private final Tensor[] dHidden;
        private final Tensor[] targets;
        private final Tensor[] chunkLosses;
        private final Tensor[] logits;

        private Slot(Workspace w, Tensor hidden, Tensor dHidden, Tensor targets, Tensor logits) {
            int rows = hidden.rows();
            int chunk = logits.rows();
            int chunks = (rows + chunk - 1) / chunk;
            losses = w.reals("losses", rows);
            this.hidden = new Tensor[chunks];
            this.dHidden = new Tensor[chunks];
            this.targets = new Tensor[chunks];
            this.chunkLosses = new Tensor[chunks];
            this.logits = new Tensor[chunks];
            for (int i = 0; i < chunks; i++) {
                int from = i * chunk;
                int to = Math.min(rows, from + chunk);
                this.hidden[i] = hidden.slice(from, to);
                this.dHidden[i] = dHidden == null ? null : dHidden.slice(from, to);
                this.targets[i] = targets.reshape(rows).slice(from, to);
                this.chunkLosses[i] = losses.slice(from, to);
                this.logits[i] = logits.slice(0, to - from);
            }
        }
    }

    private final MatmulEngine products;
    private final Elementwise elementwise;
    private final Weight weight;

    Head(Ops ops, Parameters parameters) {
        products = ops.products();
        elementwise = ops.elementwise();
        weight = parameters.linear("lm_head.weight");
    }

    /** The chunk of logits that slots share. */
    Tensor planLogits(Workspace workspace, int rows) {
        int chunk = Math.min(rows, Math.max(64, LOGITS_AT_ONCE / weight.n()));
        return workspace.reals("logits", chunk, weight.n());
    }

    Slot plan(Workspace workspace, Tensor hidden, Tensor dHidden, Tensor targets, Tensor logits) {
        return new Slot(workspace, hidden, dHidden, targets, logits);
    }

    /** {@code logits} [rows, vocabulary] of {@code hidden} [rows, hidden]. */
    void logits(Tensor logits, Tensor hidden) {
        products.forward(logits, hidden, weight, WRITE);
    }

    /** Fills {@code losses}. */
    void loss(Slot s) {
        for (int i = 0; i < s.hidden.length; i++) {
            products.forward(s.logits[i], s.hidden[i], weight, WRITE);
            elementwise.crossEntropy(s.chunkLosses[i], s.logits[i], s.targets[i], 0);
        }
    }

    /** Fills {@code losses}, writes the gradient of {@code factor · Σ losses} to the hidden states and adds the weight's. */
    void lossGrad(Slot s, float factor) {
        for (int i = 0; i < s.hidden.length; i++) {
            products.forward(s.logits[i], s.hidden[i], weight, WRITE);
            elementwise.crossEntropy(s.chunkLosses[i], s.logits[i], s.targets[i], factor);
            products.inputGrad(s.dHidden[i], s.logits[i], weight, WRITE);
            products.weightGrad(weight, s.logits[i], s.hidden[i]);
        }
    }
}
