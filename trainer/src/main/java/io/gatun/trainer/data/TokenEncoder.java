package io.gatun.trainer.data;

import java.util.function.IntConsumer;

/** What this package asks of a tokenizer. */
public interface TokenEncoder {
    /** Hands the ids of {@code text} to {@code sink}, in order; adds no separator of its own. */
    void encode(String text, IntConsumer sink);

    /** Ids are 0 (included) to this (excluded), the separator's too. */
    int vocabulary();

    /** The id that stands before and after a document. */
    int separator();

    /** Differs whenever the ids of any text may differ; shards made under another fingerprint are made anew. */
    String fingerprint();
}
