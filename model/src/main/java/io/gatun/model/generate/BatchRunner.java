package io.gatun.model.generate;

import io.gatun.model.ModelException;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Answers many requests at once: their sequences step together, so that the weights of a pass are read once for all of them. A
 * request joins when a place is free and leaves when it is done. What a sequence says does not depend on its neighbours, bit for
 * bit. Requests come from any thread; listeners run on the runner's thread, which they hold up.
 */
public final class BatchRunner implements AutoCloseable {
    private final Passes passes;
    private final Supplier<Tokenizer> tokenizer;
    private final EndTokens ends;
    private final int positions;
    private final Runnable closed;
    private final Arena memory = Arena.ofShared();
    private final Tensor[] rows; // row r of the logits
    private final Tensor[] first; // the first r + 1 rows
    private final Sequence[] sequences;
    private final int[] ids;
    private final List<Member> members = new ArrayList<>();
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>(); // guarded by itself, as are open and closing
    private final Thread thread;
    private boolean open = true;
    private boolean closing;

    private record Waiting(
            GenerationRequest request, TokenListener listener, CompletableFuture<GenerationResult> result) {}

    private static final class Member {
        private final Waiting source;
        private final Sequence sequence;
        private final Generation answer;
        private final int promptTokens;
        private int next;

        private Member(Waiting source, Sequence sequence, Generation answer, int promptTokens) {
            this.source = source;
            this.sequence = sequence;
            this.answer = answer;
            this.promptTokens = promptTokens;
        }
    }

    /**
     * A runner that steps at most {@code most} sequences of at most {@code positions} tokens together.
     *
     * @param closed runs when the runner has closed
     */
    public BatchRunner(
            Passes passes, Supplier<Tokenizer> tokenizer, EndTokens ends, int most, int positions, Runnable closed) {
        if (most < 1 || most > Passes.KEPT) {
            throw new ModelException("a batch of %d sequences: 1 to %d step together".formatted(most, Passes.KEPT));
        }
        this.passes = passes;
        this.tokenizer = tokenizer;
        this.ends = ends;
        this.positions = positions;
        this.closed = closed;
        Tensor logits = passes.newLogits(memory, most);
        rows = new Tensor[most];
        first = new Tensor[most];
        for (int r = 0; r < most; r++) {
            rows[r] = logits.slice(r, r + 1);
            first[r] = logits.slice(0, r + 1);
        }
        sequences = new Sequence[most];
        ids = new int[most];
        thread = Thread.ofPlatform().name("gatun-batch").daemon().start(this::run);
    }

    /**
     * Puts a request in line. The future fails with a {@link ModelException} when the prompt does not fit, with what its listener
     * throws, and with an {@link IllegalStateException} when the runner closes before the answer is complete.
     *
     * @throws IllegalStateException when the runner is closed
     */
    public CompletableFuture<GenerationResult> submit(GenerationRequest request, TokenListener listener) {
        var result = new CompletableFuture<GenerationResult>();
        synchronized (waiting) {
            if (!open) throw new IllegalStateException("the batch runner is closed");
            waiting.add(new Waiting(request, listener, result));
            waiting.notifyAll();
        }
        return result;
    }

    private void run() {
        RuntimeException why = new IllegalStateException("the batch runner was closed");
        try {
            while (awaitWork()) {
                admit();
                step();
            }
        } catch (RuntimeException failed) {
            why = failed;
        } finally { // an error, too, leaves nobody waiting
            stop();
            for (Member member : members) leave(member, why);
            for (Waiting source : waiting) source.result.completeExceptionally(why);
        }
    }

    private void stop() {
        synchronized (waiting) {
            open = false;
            waiting.notifyAll();
        }
    }

    private boolean awaitWork() {
        synchronized (waiting) {
            while (open && members.isEmpty() && waiting.isEmpty()) {
                try {
                    waiting.wait();
                } catch (InterruptedException stop) {
                    return false;
                }
            }
            return open;
        }
    }

    private void admit() {
        while (members.size() < rows.length) {
            Waiting source;
            synchronized (waiting) {
                source = waiting.poll();
            }
            if (source == null) return;
            try {
                begin(source);
            } catch (RuntimeException failed) {
                source.result.completeExceptionally(failed);
            }
        }
    }

    private void begin(Waiting source) {
        int[] prompt = Prompt.ids(source.request, tokenizer, passes.model().config());
        if (prompt.length > positions) {
            throw new ModelException(
                    "%d tokens do not fit into a sequence of %d positions".formatted(prompt.length, positions));
        }
        Generation answer = new Generation(
                source.request,
                tokenizer.get(),
                ends,
                source.listener,
                passes.model().config().vocabSize());
        answer.saw(prompt);
        Sequence sequence = passes.newPlainSequence();
        Member member = new Member(source, sequence, answer, prompt.length);
        try {
            passes.prefill(sequence, prompt, rows[0]);
        } catch (RuntimeException failed) {
            leave(member, failed);
            return;
        }
        if (next(member, rows[0])) members.add(member);
    }

    private void step() {
        members.removeIf(this::finish);
        int count = members.size();
        if (count == 0) return;
        for (int r = 0; r < count; r++) {
            sequences[r] = members.get(r).sequence;
            ids[r] = members.get(r).next;
        }
        passes.step(sequences, ids, count, first[count - 1]);
        for (int r = count - 1; r >= 0; r--) {
            if (!next(members.get(r), rows[r])) members.remove(r);
        }
    }

    /** Takes the member's next token; false where that failed, for instance in its listener. */
    private boolean next(Member member, Tensor logits) {
        try {
            member.next = member.answer.next(logits);
            return true;
        } catch (RuntimeException failed) {
            leave(member, failed);
            return false;
        }
    }

    /** Hands over an answer that is done; tells whether it was. */
    private boolean finish(Member member) {
        if (!member.answer.isDone() && member.sequence.length() == positions) member.answer.full();
        if (!member.answer.isDone()) return false;
        try {
            GenerationResult result = member.answer.result(member.promptTokens, 0, passes.compute());
            member.sequence.close();
            member.source.result.complete(result);
        } catch (RuntimeException failed) { // the listener gets what was held back
            leave(member, failed);
        }
        return true;
    }

    private void leave(Member member, RuntimeException why) {
        member.sequence.close();
        member.source.result.completeExceptionally(why);
    }

    /** Ends the thread; answers that are not complete fail. A second call does nothing. */
    @Override
    public void close() {
        synchronized (waiting) {
            if (closing) return;
            closing = true;
        }
        stop();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) Thread.currentThread().interrupt();
        memory.close();
        closed.run();
    }
}
