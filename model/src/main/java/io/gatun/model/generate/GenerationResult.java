package io.gatun.model.generate;

import java.util.List;

/**
 * What came out.
 *
 * @param text the continuation, without prompt and stop string
 * @param ids its tokens
 * @param finish why it ended
 * @param usage tokens read and written
 * @param logProbs one for each of {@code ids} if the request asked for them, else none
 * @param drafts what speculation did
 * @param compute what products rounded their operands to: {@code f32}, {@code bf16} or {@code w8a8}
 */
public record GenerationResult(
        String text,
        int[] ids,
        FinishReason finish,
        Usage usage,
        List<LogProbs> logProbs,
        Drafts drafts,
        String compute) {
    /**
     * Tokens read and written.
     *
     * @param prompt tokens of the prompt
     * @param cached how many of these a cache still held, so that they were not computed again
     * @param generated new tokens
     */
    public record Usage(int prompt, int cached, int generated) {}

    /**
     * Tokens that the MTP module proposed.
     *
     * @param drafted proposed
     * @param accepted and taken by the main model
     */
    public record Drafts(long drafted, long accepted) {}

    public GenerationResult {
        logProbs = List.copyOf(logProbs);
    }
}
