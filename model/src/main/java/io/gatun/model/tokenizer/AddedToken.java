package io.gatun.model.tokenizer;

/** One entry of {@code added_tokens}: a token that is found in the text before anything else is done with it. */
record AddedToken(
        int id,
        String content,
        boolean singleWord, // single_word: only where no letter, mark, digit or connector touches it
        boolean lstrip, // takes the white space before it
        boolean rstrip, // takes the white space after it
        boolean normalized, // found after the others, in what they leave
        boolean special) {

    /** A special token without further wishes. */
    static AddedToken special(int id, String content) {
        return new AddedToken(id, content, false, false, false, false, true);
    }
}
