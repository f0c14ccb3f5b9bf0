package io.gatun.model.tokenizer;

/**
 * Decodes ids one by one: text comes out as soon as its bytes are whole characters, never half of one. Not for use by
 * several threads at once.
 */
public final class StreamingDecoder {
    private final Vocabulary vocabulary;
    private final SpecialTokens specials;
    private final Utf8Decoder characters = new Utf8Decoder();

    StreamingDecoder(Vocabulary vocabulary, SpecialTokens specials) {
        this.vocabulary = vocabulary;
        this.specials = specials;
    }

    /** The characters that {@code id} completes, often none; an id without a token adds nothing. */
    public String put(int id) {
        StringBuilder text = new StringBuilder();
        append(id, text);
        return text.toString();
    }

    /** Adds the characters that {@code id} completes to {@code text}. */
    public void append(int id, StringBuilder text) {
        if (specials == SpecialTokens.SKIP && vocabulary.isSpecial(id)) return;
        for (byte b : vocabulary.bytes(id)) characters.put(b, text);
    }

    /** What is left when no more ids come: U+FFFD for a character that was cut off, else nothing. */
    public String finish() {
        return characters.finish();
    }
}
