package io.gatun.model.tokenizer;

import java.util.regex.Pattern;

/**
 * One {@code Split} of a pre-tokenizer: cuts each piece of text at the matches of {@code pattern}, which sees nothing of
 * the text around the piece.
 */
record Split(
        Pattern pattern,
        boolean keepsMatches, // behavior Removed drops them,
        boolean keepsGaps) { // or with invert what is between them

    /** What {@code ByteLevel} with {@code use_regex} splits at (GPT-2's pattern). */
    static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    static Split isolated(String regex) {
        return new Split(OnigurumaRegex.compile(regex), true, true);
    }

    boolean keepsAll() {
        return keepsMatches && keepsGaps;
    }
}
