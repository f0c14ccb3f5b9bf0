package io.gatun.trainer.loop;

import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.data.HeldOut;

/** The next-token loss of text that is never trained on. Borrows the training slot between steps. */
final class Evaluation {
    private final Ops ops;
    private final DeepSeekV3 model;
    private final ModelSlot slot;
    private final Tensor tokens; // i32 [batch, sequence + 1]

    Evaluation(Ops ops, DeepSeekV3 model, ModelSlot slot, Tensor tokens) {
        this.ops = ops;
        this.model = model;
        this.slot = slot;
        this.tokens = tokens;
    }

    /** Bits per byte over all windows of {@code text}. */
    double bitsPerByte(HeldOut text) {
        double nats = 0;
        slot.balance(0);
        for (long first = 0; first < text.windows(); first += slot.batch()) {
            int predictions = text.fill(first, tokens);
            model.load(tokens, slot);
            model.forward(slot);
            model.loss(slot);
            nats += ops.elementwise().sum(slot.losses(0).slice(0, predictions));
        }
        return text.bitsPerByte(nats);
    }
}
