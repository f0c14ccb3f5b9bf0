package io.gatun.model.generate;

import java.util.List;

/**
 * What to continue, how, and how far. Start from {@link #of(String)} or {@link #of(int...)} and change what should differ:
 * {@code GenerationRequest.of("telescope:").maxTokens(64).sampling(Sampling.GREEDY.temperature(0.7))}.
 *
 * @param prompt text; empty starts from the begin token; null when {@code promptIds} are given
 * @param promptIds tokens; null when a {@code prompt} is given
 * @param maxTokens at most this many new tokens
 * @param sampling how tokens are drawn
 * @param stop the text ends before the first of these strings
 * @param topLogProbs log-probabilities of each token and of this many of the most likely ones; 0: none at all
 * @param ignoreEos whether to write on past the end token
 */
public record GenerationRequest(
        String prompt,
        int[] promptIds,
        int maxTokens,
        Sampling sampling,
        List<String> stop,
        int topLogProbs,
        boolean ignoreEos) {
    private static final int DEFAULT_TOKENS = 256;

    public GenerationRequest {
        if (prompt == null == (promptIds == null)) {
            throw new IllegalArgumentException("the prompt is " + (prompt == null ? "neither" : "both")
                    + " text and ids; one of them was expected");
        }
        if (maxTokens < 1) throw new IllegalArgumentException("max-tokens is " + maxTokens + "; it must be at least 1");
        if (stop.stream().anyMatch(String::isEmpty)) throw new IllegalArgumentException("a stop string is empty");
        if (topLogProbs < 0) {
            throw new IllegalArgumentException("top-log-probs is " + topLogProbs + "; it must not be negative");
        }
        promptIds = promptIds == null ? null : promptIds.clone();
        stop = List.copyOf(stop);
    }

    /** Continues a text: greedy, 256 tokens at most. */
    public static GenerationRequest of(String prompt) {
        return new GenerationRequest(prompt, null, DEFAULT_TOKENS, Sampling.GREEDY, List.of(), 0, false);
    }

    /** Continues tokens: greedy, 256 tokens at most. */
    public static GenerationRequest of(int... promptIds) {
        return new GenerationRequest(null, promptIds, DEFAULT_TOKENS, Sampling.GREEDY, List.of(), 0, false);
    }

    /** A copy of the prompt's tokens; null when it is a text. */
    @Override
    public int[] promptIds() {
        return promptIds == null ? null : promptIds.clone();
    }

    public GenerationRequest prompt(String other) {
        return new GenerationRequest(other, null, maxTokens, sampling, stop, topLogProbs, ignoreEos);
    }

    public GenerationRequest promptIds(int... other) {
        return new GenerationRequest(null, other, maxTokens, sampling, stop, topLogProbs, ignoreEos);
    }

    public GenerationRequest maxTokens(int other) {
        return new GenerationRequest(prompt, promptIds, other, sampling, stop, topLogProbs, ignoreEos);
    }

    public GenerationRequest sampling(Sampling other) {
        return new GenerationRequest(prompt, promptIds, maxTokens, other, stop, topLogProbs, ignoreEos);
    }

    public GenerationRequest stop(List<String> other) {
        return new GenerationRequest(prompt, promptIds, maxTokens, sampling, other, topLogProbs, ignoreEos);
    }

    public GenerationRequest topLogProbs(int other) {
        return new GenerationRequest(prompt, promptIds, maxTokens, sampling, stop, other, ignoreEos);
    }

    public GenerationRequest ignoreEos(boolean other) {
        return new GenerationRequest(prompt, promptIds, maxTokens, sampling, stop, topLogProbs, other);
    }
}
