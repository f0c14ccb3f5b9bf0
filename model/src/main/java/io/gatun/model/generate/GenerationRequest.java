package io.gatun.model.generate;

import java.util.List;

/**
 * What to continue, and how far.
 *
 * @param prompt text; empty starts from the begin token
 * @param maxTokens at most this many new tokens
 * @param sampling how tokens are drawn
 * @param stop the text ends before the first of these strings
 */
public record GenerationRequest(String prompt, int maxTokens, Sampling sampling, List<String> stop) {
    public GenerationRequest {
        if (maxTokens < 1) throw new IllegalArgumentException("max-tokens is " + maxTokens + "; it must be at least 1");
        if (stop.stream().anyMatch(String::isEmpty)) throw new IllegalArgumentException("a stop string is empty");
        stop = List.copyOf(stop);
    }
}
