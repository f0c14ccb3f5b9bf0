package io.gatun.model.layer;

import io.gatun.model.cache.LatentCache;
import io.gatun.model.config.ModelConfig;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/**
 * What one inference pass over so many rows needs of the main model: layers share their memory, nothing is kept but the states after
 * the final norm. Slots over the same {@link Region} are used in turn.
 */
public final class InferenceSlot {
    final Rows rows;
    final Tensor[] stream = new Tensor[2]; // the residual stream before a block and after it, in turn
    final Block.Slot[] blocks;
    final Norm.Slot norm;
    private final Tensor hidden; // [rows, hidden]

    InferenceSlot(DeepSeekV3 model, Workspace w, int count) {
        ModelConfig config = model.config();
        if (count < 1) throw new TensorException("cannot plan a pass over " + count + " rows");
        rows = new Rows(model.ops(), w, count);
        hidden = w.reals("hidden", count, config.hiddenSize());
        norm = model.norm().plan(w, count);
        for (int i = 0; i < stream.length; i++) stream[i] = w.reals("stream", count, config.hiddenSize());
        blocks = new Block.Slot[config.numHiddenLayers()];
        for (int i = 0; i < blocks.length; i++) {
            int layer = i;
            blocks[i] = w.layer("layers." + i, part -> model.block(layer).plan(part, 1, count));
        }
    }

    /** Says what a row is: a token of the vocabulary, at a position for which its sequence's cache has room. */
    public void set(int row, int id, LatentCache cache, int position) {
        rows.set(row, id, cache, position);
    }

    /** How many rows a pass has. */
    public int count() {
        return rows.pages.length;
    }

    /** The states after the final norm [rows, hidden], until the next pass over the same region. */
    public Tensor hidden() {
        return hidden;
    }
}
