package io.gatun.tensor;

/** A tensor was asked for what its shape, element type or place cannot give; the message says what was asked and found. */
public class TensorException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public TensorException(String message) {
        super(message);
    }
}
