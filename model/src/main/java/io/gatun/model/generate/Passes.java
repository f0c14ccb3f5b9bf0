package io.gatun.model.generate;

import static io.gatun.model.generate.Drafting.Recycle.HEAD_NORM;

import io.gatun.model.ModelException;
import io.gatun.model.cache.PagePool;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.DraftSlot;
import io.gatun.model.layer.InferenceSlot;
import io.gatun.model.layer.Region;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Place;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Runs the passes of a model for its sequences, one at a time: threads take turns, first come first served, and a long prompt
 * gives way to others after each chunk. Steady steps allocate nothing.
 */
public final class Passes {
    static final int KEPT = 64; // slots for up to so many rows are planned once and kept

    private final Ops ops;
    private final DeepSeekV3 model;
    private final PagePool pool;
    private final String compute;
    private final int chunk;
    private final Drafting drafting;
    private final int drafts;
    private final Region region;
    private final Region draftRegion;
    private final InferenceSlot[] slots = new InferenceSlot[KEPT + 1]; // by rows
    private final DraftSlot[] draftSlots = new DraftSlot[KEPT + 1];
    private final HostLogits logits;
    private final Tensor draftLogits; // [1, vocabulary]; null where nothing is drafted
    private InferenceSlot chunkSlot;
    private final ReentrantLock turn = new ReentrantLock(true);
    private final PassEvents events = new PassEvents();

    /**
     * Passes over {@code model}.
     *
     * @param arena owns the memory of passes
     * @param compute what the model computes with, for results to tell
     * @param chunk most tokens of a prompt that one pass takes
     * @param drafting what the first MTP module drafts; it follows the sequences unless that is nothing
     */
    public Passes(Ops ops, DeepSeekV3 model, Arena arena, PagePool pool, String compute, int chunk, Drafting drafting) {
        this.ops = ops;
        this.model = model;
        this.pool = pool;
        this.compute = compute;
        this.chunk = chunk;
        this.drafting = drafting;
        drafts = drafting.tokens();
        if (drafts > 0 && ops.place() == Place.DEVICE) {
            throw new ModelException(
                    "drafting moves states through host memory, which a model on the GPU does not do yet");
        }
        logits = new HostLogits(ops, model);
        draftLogits = drafts == 0 ? null : newLogits(arena, 1);
        region = new Region(ops, arena);
        draftRegion = new Region(ops, arena);
    }

    DeepSeekV3 model() {
        return model;
    }

    Ops ops() {
        return ops;
    }

    String compute() {
        return compute;
    }

    /** How many tokens at once are drafted. */
    int drafts() {
        return drafts;
    }

    /** Memory for the logits [rows, vocabulary] of so many tokens, on the host, where they are sampled from. */
    Tensor newLogits(Arena arena, int rows) {
        return Tensor.zeros(arena, ops.real(), rows, model.config().vocabSize());
    }

    /** Writes the logits [rows, vocabulary] of states after the final norm, to host memory. */
    void logits(Tensor to, Tensor states) {
        logits.write(to, states);
    }

    /** An empty sequence; what it drafts from lives as long as {@code arena}. */
    Sequence newSequence(Arena arena) {
        return new Sequence(pool.newCache(), newStates(arena));
    }

    /** An empty sequence that nothing is drafted for. */
    Sequence newPlainSequence() {
        return new Sequence(pool.newCache(), null);
    }

    Sequence fork(Sequence sequence, Arena arena) {
        return sequence.fork(newStates(arena));
    }

    private Tensor newStates(Arena arena) {
        return drafts == 0 ? null : ops.reals(arena, drafts + 1, model.config().hiddenSize());
    }

    /** Gets the states of each chunk of a prompt, while they are there. */
    interface ChunkListener {
        /**
         * The states after the final norm of the tokens from position {@code start} on.
         *
         * @param states [tokens of the chunk, hidden]
         */
        void chunk(Tensor states, int start);
    }

    /** Appends {@code ids}; writes the logits [1, vocabulary] after the last. */
    void prefill(Sequence s, int[] ids, Tensor logits) {
        int end = s.length() + ids.length;
        prefill(s, ids, (states, start) -> {
            int rows = states.rows();
            if (start + rows == end) this.logits.write(logits, states.slice(rows - 1, rows));
        });
    }

    /** Appends {@code ids}, telling the states of every chunk. */
    void prefill(Sequence s, int[] ids, ChunkListener listener) {
        checkIds(ids, ids.length);
        for (int from = 0; from < ids.length; from += chunk) {
            int rows = Math.min(chunk, ids.length - from);
            turn.lock();
            try {
                events.beginPrefill();
                prefillChunk(s, ids, from, rows, listener);
                events.endPrefill(rows, s.length());
            } finally {
                turn.unlock();
            }
        }
    }

    private void prefillChunk(Sequence s, int[] ids, int from, int rows, ChunkListener listener) {
        InferenceSlot slot = prefillSlot(rows);
        s.reserve(rows);
        int start = s.length();
        for (int r = 0; r < rows; r++) place(slot, r, s, start + r, ids[from + r]);
        if (s.isFollowed()) follow(s, ids[from]);
        model.prefill(slot);
        s.cache.advance(rows);
        listener.chunk(slot.hidden(), start);
        if (s.isFollowed()) followChunk(s, slot.hidden(), start, rows);
    }

    private InferenceSlot prefillSlot(int rows) {
        if (rows <= KEPT) return slot(rows);
        if (rows < chunk) return model.planInference(region, rows);
        if (chunkSlot == null) chunkSlot = model.planInference(region, rows);
        return chunkSlot;
    }

    private InferenceSlot slot(int rows) {
        if (slots[rows] == null) slots[rows] = model.planInference(region, rows);
        return slots[rows];
    }

    /** Appends one token to each of {@code count} sequences; row r of {@code logits} [count, vocabulary] is what follows in sequence r. */
    void step(Sequence[] sequences, int[] ids, int count, Tensor logits) {
        check(ids, count, logits);
        turn.lock();
        try {
            events.beginStep();
            InferenceSlot slot = slot(count);
            for (int r = 0; r < count; r++) {
                Sequence s = sequences[r];
                s.reserve(1);
                place(slot, r, s, s.length(), ids[r]);
            }
            model.step(slot);
            for (int r = 0; r < count; r++) sequences[r].cache.advance(1);
            this.logits.write(logits, slot.hidden());
            events.endStep(count);
        } finally {
            turn.unlock();
        }
    }

    /** Appends {@code count} tokens to one sequence; row r of {@code logits} is what follows the r-th of them. */
    void step(Sequence s, int[] ids, int count, Tensor logits) {
        check(ids, count, logits);
        turn.lock();
        try {
            events.beginStep();
            InferenceSlot slot = slot(count);
            s.reserve(count);
            int start = s.length();
            for (int r = 0; r < count; r++) place(slot, r, s, start + r, ids[r]);
            if (s.isFollowed()) follow(s, ids[0]);
            model.step(slot);
            s.cache.advance(count);
            this.logits.write(logits, slot.hidden());
            if (s.isFollowed()) s.keepStates(slot.hidden());
            events.endStep(count);
        } finally {
            turn.unlock();
        }
    }

    /** Makes a row of a pass of a token, at a position for which the sequence has room. */
    private static void place(InferenceSlot slot, int row, Sequence s, int position, int id) {
        slot.set(row, id, s.cache, position);
        s.set(position, id);
    }

    /** Before anything is appended: a sequence is not left with half of what was asked. */
    private void checkIds(int[] ids, int count) {
        int vocabulary = model.config().vocabSize();
        for (int i = 0; i < count; i++) {
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw new ModelException(
                        "token %d is %d, which is not of the vocabulary of %d".formatted(i, ids[i], vocabulary));
            }
        }
    }

    private void check(int[] ids, int rows, Tensor logits) {
        if (rows < 1 || rows > KEPT) {
            throw new ModelException("a pass of %d tokens: 1 to %d step together".formatted(rows, KEPT));
        }
        checkIds(ids, rows);
        int vocabulary = model.config().vocabSize();
        if (logits.rows() != rows || logits.cols() != vocabulary) {
            throw new TensorException(
                    "logits are %s; %d rows ask for [%d, %d]".formatted(logits, rows, rows, vocabulary));
        }
    }

    /** Draws the draft after what {@link #draft} was told last. */
    interface Drawer {
        /** The token that the logits [1, vocabulary] suggest as draft {@code index}. */
        int draw(Tensor logits, int index);
    }

    /**
     * Drafts the tokens after {@code id}, which follows the sequence but is not part of it yet: the MTP module predicts the
     * first, and each further one from its own state, as one module can (SPEC 2.6).
     *
     * @param out gets the drafts
     * @return how many there are: none where the module lost the sequence, because it was cut
     */
    int draft(Sequence s, int id, int[] out, Drawer drawer) {
        turn.lock();
        try {
            s.reserve(drafts + 1);
            DraftSlot slot = follow(s, id);
            if (slot == null) return 0;
            int row = slot.count() - 1;
            for (int k = 0; k < drafts; k++) {
                logits.write(draftLogits, slot.hiddenRow(row));
                out[k] = drawer.draw(draftLogits, k);
                if (k + 1 == drafts) break;
                DraftSlot one = draftSlot(1);
                one.previous().copyFrom(drafting.recycle() == HEAD_NORM ? slot.hiddenRow(row) : slot.blockOutRow(row));
                one.set(0, out[k], s.cache, s.length() + k);
                model.draft(one);
                slot = one;
                row = 0;
            }
            return drafts;
        } finally {
            turn.unlock();
        }
    }

    /** Takes the module to the sequence's last token, which {@code next} follows; null when it is there already. */
    private DraftSlot follow(Sequence s, int next) {
        int count = s.waiting();
        if (count == 0) return null;
        DraftSlot slot = draftSlot(count);
        int first = s.length() - count;
        for (int r = 0; r < count; r++) {
            int position = first + r;
            slot.set(r, position + 1 < s.length() ? s.id(position + 1) : next, s.cache, position);
        }
        s.takeStates(slot.previous());
        model.draft(slot);
        return slot;
    }

    /** Takes the module through a chunk of a prompt, but for the last token, which waits for the one after it. */
    private void followChunk(Sequence s, Tensor states, int start, int rows) {
        s.keepStates(states.slice(rows - 1, rows));
        if (rows == 1) return;
        DraftSlot slot = draftSlot(rows - 1);
        for (int r = 0; r < rows - 1; r++) slot.set(r, s.id(start + r + 1), s.cache, start + r);
        slot.previous().copyFrom(states.slice(0, rows - 1));
        model.draft(slot);
    }

    private DraftSlot draftSlot(int rows) {
        if (rows > KEPT) return model.planDraft(draftRegion, rows, drafting.maskFirst());
        if (draftSlots[rows] == null) draftSlots[rows] = model.planDraft(draftRegion, rows, drafting.maskFirst());
        return draftSlots[rows];
    }
}
