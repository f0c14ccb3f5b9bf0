package io.gatun.model.tokenizer;

import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Text to token ids and back, with the same ids as Hugging Face's library gives without added special tokens: no begin
 * token is put in front. Added tokens written out in a text, special ones included, become their ids.
 *
 * <p>Tokenizers are immutable and may be shared by threads.
 */
public interface Tokenizer {
    /** The ids of {@code text}. An unpaired surrogate counts as U+FFFD. */
    default int[] encode(String text) {
        IntStream.Builder ids = IntStream.builder();
        encode(text, ids);
        return ids.build().toArray();
    }

    /** Gives the ids of {@code text} to {@code sink}, first to last: for texts of many megabytes. */
    void encode(String text, IntConsumer sink);

    /** The text of {@code ids}, names of special tokens included; bytes that are no UTF-8 become U+FFFD. */
    default String decode(int... ids) {
        return decode(ids, SpecialTokens.KEEP);
    }

    /** The text of {@code ids}; bytes that are no UTF-8 become U+FFFD, and an id without a token gives nothing. */
    default String decode(int[] ids, SpecialTokens specials) {
        StreamingDecoder decoder = decoder(specials);
        StringBuilder text = new StringBuilder(4 * ids.length);
        for (int id : ids) decoder.append(id, text);
        return text.append(decoder.finish()).toString();
    }

    /** A new decoder that takes ids one by one; what it returns adds up to {@link #decode(int[], SpecialTokens)}. */
    StreamingDecoder decoder(SpecialTokens specials);

    /** The highest id plus one. */
    int vocabularySize();

    /**
     * The id of a token by its name in tokenizer.json, such as {@code <｜end▁of▁sentence｜>}, or nothing if there is none.
     * Names of ordinary tokens are written in the byte-level alphabet: a space is {@code Ġ}.
     */
    OptionalInt idOf(String token);

    /**
     * Writes the tokenizer's files into an existing folder, for a checkpoint. One that was read from a file writes that
     * file's bytes, and those of {@code tokenizer_config.json}, {@code special_tokens_map.json} and {@code
     * chat_template.jinja} where they lay beside it.
     */
    void write(Path folder);
}
