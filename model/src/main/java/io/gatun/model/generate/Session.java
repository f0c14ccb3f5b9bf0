package io.gatun.model.generate;

import io.gatun.model.ModelException;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/**
 * One sequence: its tokens and their latent cache. Any thread may use it, but only one at a time: a second caller gets an
 * {@link IllegalStateException}. Sessions of a model share its weights and threads; their passes take turns.
 */
public final class Session implements AutoCloseable {
    private final Passes passes;
    private final Supplier<Tokenizer> tokenizer;
    private final EndTokens ends;
    private final int positions;
    private final Runnable opened;
    private final Runnable closed;
    private final Arena memory = Arena.ofShared();
    private final Sequence sequence;
    private final Tensor logits; // [1, vocabulary]
    private final int[] one = new int[1];
    private Tensor rows; // [drafts + 1, vocabulary], made when first needed
    private int tail = -1; // the last token of an answer, not in the cache yet; -1: there is none
    private final AtomicReference<Thread> user = new AtomicReference<>();
    private boolean open = true;

    /**
     * An empty sequence of at most {@code positions} tokens.
     *
     * @param tokenizer asked for the first time text is
     * @param opened runs when a fork opens
     * @param closed runs when the session closes
     * @throws ModelException when the model does not allow so many
     */
    public Session(
            Passes passes,
            Supplier<Tokenizer> tokenizer,
            EndTokens ends,
            int positions,
            Runnable opened,
            Runnable closed) {
        this(passes, tokenizer, ends, positions, opened, closed, null);
    }

    private Session(
            Passes passes,
            Supplier<Tokenizer> tokenizer,
            EndTokens ends,
            int positions,
            Runnable opened,
            Runnable closed,
            Sequence origin) {
        int most = passes.model().config().maxPositionEmbeddings();
        if (positions < 1 || positions > most) {
            throw new ModelException(
                    "a session of %d positions: max_position_embeddings allows 1 to %d".formatted(positions, most));
        }
        this.passes = passes;
        this.tokenizer = tokenizer;
        this.ends = ends;
        this.positions = positions;
        this.opened = opened;
        this.closed = closed;
        sequence = origin == null ? passes.newSequence(memory) : passes.fork(origin, memory);
        logits = passes.newLogits(memory, 1);
    }

    /** Tokens in the sequence. */
    public int length() {
        return sequence.length() + (tail < 0 ? 0 : 1);
    }

    /** The sequence's tokens. */
    public int[] ids() {
        return guarded(() -> {
            int[] ids = Arrays.copyOf(sequence.ids(), length());
            if (tail >= 0) ids[ids.length - 1] = tail;
            return ids;
        });
    }

    /**
     * Appends {@code ids}, in expanded attention; gives the logits [1, vocabulary] after the last, valid until the next call.
     *
     * @throws ModelException when there are none, or no room for them
     */
    public Tensor prefill(int... ids) {
        return guarded(() -> {
            if (ids.length == 0) throw new ModelException("there are no tokens to append");
            checkRoom(ids.length);
            settle();
            passes.prefill(sequence, ids, logits);
            return logits;
        });
    }

    /**
     * Appends one token, in absorbed attention: the step of decoding, which allocates nothing. Gives the logits [1, vocabulary]
     * after it, valid until the next call.
     *
     * @throws ModelException when there is no room for it
     */
    public Tensor step(int id) {
        enter();
        try {
            if (length() == positions) checkRoom(1);
            settle();
            one[0] = id;
            passes.step(sequence, one, 1, logits);
            return logits;
        } finally {
            user.set(null);
        }
    }

    /**
     * Appends {@code ids[i]} to {@code sessions[i]}, all in one pass that reads the weights once: for services that schedule
     * themselves. A session's numbers are those of {@link #step(int)}, bit for bit.
     *
     * @param sessions different ones of one model, that does not draft
     * @param logits f32 [sessions, vocabulary]: row i is what follows in session i
     * @throws ModelException when one has no room, the model drafts, or there is not one id a session
     */
    public static void step(Session[] sessions, int[] ids, Tensor logits) {
        if (sessions.length == 0 || ids.length != sessions.length) {
            throw new ModelException("%d ids for %d sessions; one each, and at least one, was expected"
                    .formatted(ids.length, sessions.length));
        }
        Passes passes = sessions[0].passes;
        Sequence[] sequences = new Sequence[sessions.length];
        int entered = 0;
        try {
            for (Session session : sessions) {
                session.enter();
                entered++;
                if (session.passes != passes || session.sequence.isFollowed()) {
                    throw new ModelException("sessions that step together are of one model, which does not draft");
                }
                session.checkRoom(1);
                session.settle();
                sequences[entered - 1] = session.sequence;
            }
            passes.step(sequences, ids, sessions.length, logits);
        } finally {
            for (int i = 0; i < entered; i++) sessions[i].user.set(null);
        }
    }

    /**
     * Continues the sequence with the request's prompt and the model's answer. Where the sequence was not empty the prompt follows
     * what is there.
     *
     * @throws ModelException when the prompt does not fit
     */
    public GenerationResult generate(GenerationRequest request, TokenListener listener) {
        return guarded(() -> {
            int[] prompt = Prompt.ids(request, tokenizer, passes.model().config());
            checkRoom(prompt.length);
            settle();
            return answer(request, listener, prompt, 0);
        });
    }

    /**
     * Answers a prompt that stands for the whole sequence, such as a conversation that grew: as much of it as the sequence begins
     * with is not computed again, and the rest of the sequence is forgotten.
     *
     * @throws ModelException when the prompt does not fit
     */
    public GenerationResult answer(GenerationRequest request, TokenListener listener) {
        return guarded(() -> {
            int[] prompt = Prompt.ids(request, tokenizer, passes.model().config());
            if (prompt.length > positions) checkRoom(prompt.length - length());
            tail = -1;
            int kept = Math.min(prompt.length - 1, sequence.common(prompt));
            sequence.truncate(kept);
            return answer(request, listener, prompt, kept);
        });
    }

    private GenerationResult answer(GenerationRequest request, TokenListener listener, int[] prompt, int kept) {
        passes.prefill(sequence, Arrays.copyOfRange(prompt, kept, prompt.length), logits);
        Generation answer = new Generation(
                request,
                tokenizer.get(),
                ends,
                listener,
                passes.model().config().vocabSize());
        answer.saw(sequence.ids());
        Answering answering = new Answering(passes, sequence, positions);
        if (sequence.isFollowed()) {
            answering.speculate(answer, logits, draftRows());
        } else {
            answering.run(answer, logits);
        }
        tail = sequence.length() < positions ? answer.last() : -1;
        return answer.result(prompt.length, kept, passes.compute());
    }

    /** Appends the last token of an answer, which was written but not read. */
    private void settle() {
        if (tail < 0) return;
        one[0] = tail;
        tail = -1;
        passes.step(sequence, one, 1, logits);
    }

    private Tensor draftRows() {
        if (rows == null) {
            rows = passes.newLogits(memory, passes.drafts() + 1);
        }
        return rows;
    }

    /** A session with the same tokens: the cache is shared until one of the two goes on, so that a common prefix is computed once. */
    public Session fork() {
        return guarded(() -> {
            settle();
            Session fork = new Session(passes, tokenizer, ends, positions, opened, closed, sequence);
            opened.run();
            return fork;
        });
    }

    /** Forgets all but the first {@code length} tokens. */
    public void truncate(int length) {
        guarded(() -> {
            if (length < 0 || length > length()) {
                throw new ModelException("cannot keep %d tokens of %d".formatted(length, length()));
            }
            if (length < length()) tail = -1;
            sequence.truncate(length);
            return null;
        });
    }

    private void checkRoom(int tokens) {
        if (length() + tokens > positions) {
            throw new ModelException("%d tokens after %d do not fit into a session of %d positions"
                    .formatted(tokens, length(), positions));
        }
    }

    private <T> T guarded(Supplier<T> work) {
        enter();
        try {
            return work.get();
        } finally {
            user.set(null);
        }
    }

    private void enter() {
        Thread self = Thread.currentThread();
        if (!user.compareAndSet(null, self)) {
            Thread other = user.get();
            throw new IllegalStateException("a session serves one caller at a time; thread %s is using it"
                    .formatted(other == null ? "another" : other.getName()));
        }
        if (!open) {
            user.set(null);
            throw new IllegalStateException("the session is closed");
        }
    }

    /** Gives the cache's pages back to the model; a second call does nothing. */
    @Override
    public void close() {
        if (!open) return;
        guarded(() -> {
            open = false;
            sequence.close();
            memory.close();
            closed.run();
            return null;
        });
    }
}
