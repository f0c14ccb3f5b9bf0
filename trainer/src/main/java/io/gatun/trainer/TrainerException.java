package io.gatun.trainer;

/** A run cannot start or go on; the message is one line that says what was asked, what was found and what would work. */
public class TrainerException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public TrainerException(String message) {
        super(message);
    }

    public TrainerException(String message, Throwable cause) {
        super(message, cause);
    }
}
