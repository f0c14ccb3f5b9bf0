package io.gatun.ffm;

/** A native library is missing or refused a call; the message says which, what was asked, and the library's own reason. */
public class NativeException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public NativeException(String message) {
        super(message);
    }
}
