package io.gatun.jmh.compare;

/** Input that cannot be compared; the message says what it is and what was expected. */
final class CompareException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CompareException(String message) {
        super(message);
    }
}
