package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A mark in a stream, which the CPU or another stream can wait for; two that keep time tell what lay between them. */
public final class CudaEvent implements AutoCloseable {
    private final CudaDevice device;
    private final long handle;
    private boolean closed;

    private CudaEvent(CudaDevice device, int flags) {
        this.device = device;
        device.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuEventCreate(out, flags);
            handle = out.get(JAVA_LONG, 0);
        }
    }

    /** A mark to wait for. */
    public static CudaEvent plain(CudaDevice device) {
        return new CudaEvent(device, DriverCalls.EVENT_DISABLE_TIMING);
    }

    /** A mark that also keeps the time, which costs a little. */
    public static CudaEvent timed(CudaDevice device) {
        return new CudaEvent(device, DriverCalls.EVENT_DEFAULT);
    }

    long handle() {
        return handle;
    }

    /** Puts the mark into {@code stream}; an earlier place is forgotten. */
    public void record(CudaStream stream) {
        DriverCalls.cuEventRecord(handle, stream.handle());
    }

    /** Waits until the stream has come to the mark. */
    public void synchronize() {
        DriverCalls.cuEventSynchronize(handle);
    }

    /** Milliseconds from the mark {@code start} to this one; both keep time and were passed. */
    public float millisSince(CudaEvent start) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_FLOAT);
            DriverCalls.cuEventElapsedTime(out, start.handle, handle);
            return out.get(JAVA_FLOAT, 0);
        }
    }

    @Override
    public void close() {
        if (closed || device.isClosed()) return;
        closed = true;
        device.makeCurrent();
        DriverCalls.cuEventDestroy(handle);
    }
}
