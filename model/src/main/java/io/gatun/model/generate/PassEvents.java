package io.gatun.model.generate;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** Passes as Flight Recorder sees them; one object of each kind is used again and again, so that recording allocates nothing. */
final class PassEvents {
    @Name("io.gatun.Prefill")
    @Label("Prefill")
    @Category("Gatun")
    @Description("A chunk of a prompt")
    @StackTrace(false)
    private static final class Prefill extends Event {
        @Label("Tokens")
        private int tokens;

        @Label("Sequence length")
        private int length;
    }

    @Name("io.gatun.Step")
    @Label("Decode step")
    @Category("Gatun")
    @Description("One pass over one or several sequences")
    @StackTrace(false)
    private static final class Step extends Event {
        @Label("Rows")
        private int rows;
    }

    private final Prefill prefill = new Prefill();
    private final Step step = new Step();

    void beginPrefill() {
        prefill.begin();
    }

    void endPrefill(int tokens, int length) {
        prefill.end();
        if (!prefill.shouldCommit()) return;
        prefill.tokens = tokens;
        prefill.length = length;
        prefill.commit();
    }

    void beginStep() {
        step.begin();
    }

    void endStep(int rows) {
        step.end();
        if (!step.shouldCommit()) return;
        step.rows = rows;
        step.commit();
    }
}
