package io.gatun.model.layer;

import io.gatun.model.cache.LatentCache;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** What one inference pass over so many rows needs of the first MTP module; as {@link InferenceSlot}. */
public final class DraftSlot {
    final Tensor ids; // i32 [rows]: t_{i+1}
    final Rows rows;
    final MtpModule.Slot module;
    final boolean maskFirst; // whether the embedding at position 0 counts as zero
    private final int vocabulary;
    private final Tensor[] hiddenRows;
    private final Tensor[] blockOutRows;

    DraftSlot(DeepSeekV3 model, Workspace w, int count, boolean maskFirst) {
        this.maskFirst = maskFirst;
        vocabulary = model.config().vocabSize();
        ids = w.ints("ids", count);
        rows = new Rows(w, count);
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
     *
     * @throws TensorException when the id is not of the vocabulary
     */
    public void set(int row, int id, LatentCache cache, int position) {
        if (id < 0 || id >= vocabulary) {
            throw new TensorException("token %d is not of the vocabulary of %d".formatted(id, vocabulary));
        }
        ids.set(0, row, id);
        rows.set(row, cache, position);
    }

    /** The main model's states after its final norm [rows, hidden], to be filled before a pass. */
    public Tensor previous() {
        return module.previous;
    }

    /** The states that predict the token after the next one [rows, hidden]: after the module's own norm. */
    public Tensor hidden() {
        return module.hidden;
    }

    /** Row {@code row} of {@link #hidden}. */
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
