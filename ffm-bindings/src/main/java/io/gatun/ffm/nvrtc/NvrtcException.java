package io.gatun.ffm.nvrtc;

import io.gatun.ffm.NativeException;

/** NVRTC refused a call or a source; the message ends with the compiler's log. */
public final class NvrtcException extends NativeException {
    private static final long serialVersionUID = 1;

    NvrtcException(String call, int status, String log) {
        super("%s: %s (%d)%s"
                .formatted(call, NvrtcCalls.nvrtcGetErrorString(status), status, log.isBlank() ? "" : "\n" + log));
    }
}
