package io.gatun.ffm.cuda;

import io.gatun.ffm.NativeException;

/** The CUDA driver refused a call. */
public final class CudaException extends NativeException {
    private static final long serialVersionUID = 1;

    private final int status;

    CudaException(String call, int status) {
        this(
                "%s: %s (%d), %s"
                        .formatted(
                                call, DriverCalls.cuGetErrorName(status), status, DriverCalls.cuGetErrorString(status)),
                status,
                null);
    }

    private CudaException(String message, int status, CudaException cause) {
        super(message);
        this.status = status;
        if (cause != null) initCause(cause);
    }

    /** The driver's number for what went wrong; 700 and 719 end the process's use of the device. */
    public int status() {
        return status;
    }

    /** The same failure with what was asked in front. */
    CudaException during(String what) {
        return new CudaException(what + ": " + getMessage(), status, this);
    }
}
