package io.gatun.ffm.nccl;

import io.gatun.ffm.NativeException;

/** NCCL refused a call. */
public final class NcclException extends NativeException {
    private static final long serialVersionUID = 1;

    NcclException(String call, int status) {
        super("%s: %s (%d) %s"
                .formatted(call, NcclCalls.ncclGetErrorString(status), status, NcclCalls.ncclGetLastError())
                .strip());
    }
}
