package io.gatun.ffm.cublaslt;

import io.gatun.ffm.NativeException;

/** cuBLASLt refused a call. */
public final class CublasException extends NativeException {
    private static final long serialVersionUID = 1;

    private final int status;

    CublasException(String call, int status) {
        super("%s: %s (%d)".formatted(call, CublasLtCalls.cublasLtGetStatusName(status), status));
        this.status = status;
    }

    /** A product that has no algorithm or failed. */
    CublasException(MatmulPlan.Product product, CublasException cause) {
        super("%s; cuBLASLt %s was asked for %s".formatted(cause.getMessage(), CublasLt.version(), product));
        this.status = cause.status;
        initCause(cause);
    }

    /** The library's number for what went wrong. */
    public int status() {
        return status;
    }
}
