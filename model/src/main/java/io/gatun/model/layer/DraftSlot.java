package io.gatun.model.layer;

import io.gatun.model.cache.LatentCache;
import io.gatun.tensor.Tensor;

/** What one inference pass over so many rows needs of the first MTP module; as {@link InferenceSlot}. */
public final class DraftSlot {
    final Rows rows;
    final MtpModule.Slot module;
    final boolean maskFirst; // whether the embedding at position 0 counts as zero
    private final Tensor[] hiddenRows;
    private final Tensor[] blockOutRows;

    DraftSlot(DeepSeekV3 model, Workspace w, int count, boolean maskFirst) {
        this.maskFirst = maskFirst;
        rows = new Rows(model.ops(), w, count);
        module = model.mtp(0).plan(w, 1, count);
        hiddenRows = new Tensor[count];
        blockOutRows = new Tensor[count];
        for (int r = 0; r < count; r++) {
            hiddenRows[r] = module.hidden.slice(r, r + 1);
            blockOutRows[r] = module.blockOut.slice(r, r + 1);
        }
    }

    /**
     * Says what a row is: the token after {@code position} of a sequence, whose state at {@code position} is a row of
     * {@link #previous}.
     */
    public void set(int row, int id, LatentCache cache, int position) {
        rows.set(row, id, cache, position);
    }

    /** The main model's states after its final norm [rows, hidden], to be filled before a pass. */
    public Tensor previous() {
        return module.previous;
    }

    /**
     * Row {@code row} of the states that predict the token after the next one [1, hidden]: after the module's own norm.
     */
    public Tensor hiddenRow(int row) {
        return hiddenRows[row];
    }

    /** How many rows a pass has. */
    public int count() {
        return hiddenRows.length;
    }

    /** Row {@code row} of the module's states before its norm, what some engines feed to the next draft. */
    public Tensor blockOutRow(int row) {
        return blockOutRows[row];
    }
}
