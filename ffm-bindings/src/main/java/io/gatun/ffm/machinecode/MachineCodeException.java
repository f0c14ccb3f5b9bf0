package io.gatun.ffm.machinecode;

/** The system refused something that it had granted before: no more memory, as a rule. */
public final class MachineCodeException extends RuntimeException {
    private static final long serialVersionUID = 1;

    MachineCodeException(String message) {
        super(message);
    }

    MachineCodeException(String message, Throwable cause) {
        super(message, cause);
    }
}
