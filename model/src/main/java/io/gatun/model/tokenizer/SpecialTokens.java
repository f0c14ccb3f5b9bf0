package io.gatun.model.tokenizer;

/** What decoding does with tokens marked special in tokenizer.json, such as the end of a text. */
public enum SpecialTokens {
    /** Their names appear in the text. */
    KEEP,
    /** They leave no trace. */
    SKIP
}
