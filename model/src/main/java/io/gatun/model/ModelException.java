package io.gatun.model;

/**
 * A file, configuration or request does not fit a model; the message is one line that says what was asked, what was found
 * and what would work.
 */
public class ModelException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public ModelException(String message) {
        super(message);
    }

    public ModelException(String message, Throwable cause) {
        super(message, cause);
    }
}
