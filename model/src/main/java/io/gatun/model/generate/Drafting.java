package io.gatun.model.generate;

/**
 * How the first MTP module drafts for speculative decoding (SPEC 2.6). Drafts never change what is written, only how fast: a wrong
 * variant is accepted less often. The defaults are what Gatun's training does, and what SGLang does.
 *
 * @param tokens drafted at once; 0 drafts nothing. One is what the module was trained for; more feed it its own states
 * @param maskFirst whether the embedding at position 0 is taken for zero, as vLLM does; models are not trained that way
 * @param recycle which of its states the module is fed for a further draft
 */
public record Drafting(int tokens, boolean maskFirst, Recycle recycle) {
    /** No drafts. */
    public static final Drafting NONE = of(0);

    /** A state of the module. */
    public enum Recycle {
        /** After its own norm: normalised, as what the main model hands over is. */
        HEAD_NORM,
        /** Before it, as older vLLM does. */
        BLOCK_OUT
    }

    public Drafting {
        if (tokens < 0 || tokens > 8) {
            throw new IllegalArgumentException("drafts is " + tokens + "; it must be from 0 to 8");
        }
    }

    /** {@code tokens} drafts at once, in the default variant. */
    public static Drafting of(int tokens) {
        return new Drafting(tokens, false, Recycle.HEAD_NORM);
    }
}
