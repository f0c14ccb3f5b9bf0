package io.gatun.model.generate;

/**
 * What came out.
 *
 * @param text the continuation, without prompt and stop string
 * @param ids its tokens
 * @param promptTokens tokens of the prompt
 * @param finish why it ended
 */
public record GenerationResult(String text, int[] ids, int promptTokens, FinishReason finish) {}
