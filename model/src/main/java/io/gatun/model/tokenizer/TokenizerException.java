package io.gatun.model.tokenizer;

import io.gatun.model.ModelException;

/** A tokenizer file cannot be read, or asks for what Gatun does not do; the message names the file and the field. */
public final class TokenizerException extends ModelException {
    private static final long serialVersionUID = 1;

    public TokenizerException(String message) {
        super(message);
    }

    public TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
