package io.gatun.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

/** Comparisons with Hugging Face's library on random texts and ids. */
final class TokenizerAssertions {
    private TokenizerAssertions() {}

    /** Ids of {@code texts} random texts, and decoding of those and of random ids, whole and id by id. */
    static void assertSame(Tokenizer ours, HuggingFace theirs, long seed, int texts) {
        RandomText random = new RandomText(seed);
        for (int i = 0; i < texts; i++) {
            String text = random.next(i % 10 == 0 ? 200 : 12);
            int[] ids = ours.encode(text);
            assertThat(ids).as(TokenizerFile.quoted(text)).containsExactly(theirs.encode(text));
            assertSameText(ours, theirs, ids);
            assertSameText(ours, theirs, random.ids(12, ours.vocabularySize() + 3));
        }
    }

    private static void assertSameText(Tokenizer ours, HuggingFace theirs, int[] ids) {
        for (SpecialTokens specials : SpecialTokens.values()) {
            String text = theirs.decode(ids, specials);
            assertThat(ours.decode(ids, specials))
                    .as("%s of ids %s", specials, ids)
                    .isEqualTo(text);
            assertThat(stream(ours, ids, specials))
                    .as("%s of ids %s", specials, ids)
                    .isEqualTo(text);
        }
    }

    /** Decodes id by id; no part may hold half a character. */
    static String stream(Tokenizer tokenizer, int[] ids, SpecialTokens specials) {
        StreamingDecoder decoder = tokenizer.decoder(specials);
        StringBuilder text = new StringBuilder();
        for (int id : ids) {
            String part = decoder.put(id);
            assertThat(WellFormed.text(part)).isSameAs(part);
            text.append(part);
        }
        return text.append(decoder.finish()).toString();
    }
}
