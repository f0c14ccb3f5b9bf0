package io.gatun.model.tokenizer;

/** A tokenizer file cannot be read, or asks for what Gatun does not do; the message names the file and the field. */
public final class TokenizerException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public TokenizerException(String message) {
        super(message);
    }

    public TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
