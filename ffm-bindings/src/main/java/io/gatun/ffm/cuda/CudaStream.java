package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A queue of a GPU: what is put in runs in order, while the caller goes on. Memory that queued work reads or writes has to live until
 * {@link #synchronize} or an event says that the work is done.
 */
public final class CudaStream implements AutoCloseable {
    private final CudaDevice device;
    private final long handle;
    private boolean closed;

    /** A queue of its own, which does not wait for others. */
    public CudaStream(CudaDevice device) {
        this.device = device;
        device.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuStreamCreate(out, DriverCalls.STREAM_NON_BLOCKING);
            handle = out.get(JAVA_LONG, 0);
        }
    }

    public CudaDevice device() {
        return device;
    }

    /** The driver's {@code CUstream}, for other libraries. */
    public long handle() {
        return handle;
    }

    /** Copies {@code bytes} bytes from byte {@code at} of {@code from} to the address {@code to} of the GPU. */
    public void upload(long to, MemorySegment from, long at, long bytes) {
        DriverCalls.cuMemcpyHtoDAsync(to, address(from, at, bytes), bytes, handle);
    }

    /** Copies {@code bytes} bytes from the address {@code from} of the GPU to byte {@code at} of {@code to}. */
    public void download(MemorySegment to, long at, long from, long bytes) {
        DriverCalls.cuMemcpyDtoHAsync(address(to, at, bytes), from, bytes, handle);
    }

    /** Copies between addresses of the GPU. */
    public void copy(long to, long from, long bytes) {
        DriverCalls.cuMemcpyDtoDAsync(to, from, bytes, handle);
    }

    /** Sets {@code bytes} bytes from the address {@code to} of the GPU to {@code value}. */
    public void fill(long to, byte value, long bytes) {
        DriverCalls.cuMemsetD8Async(to, value, bytes, handle);
    }

    private static long address(MemorySegment host, long at, long bytes) {
        if (!host.isNative()) throw new IllegalArgumentException("a GPU copies off-heap memory; this is a Java array");
        Objects.checkFromIndexSize(at, bytes, host.byteSize());
        return host.address() + at;
    }

    /** Waits until all that was put in is done; failures of kernels show here. */
    public void synchronize() {
        DriverCalls.cuStreamSynchronize(handle);
    }

    /** Whether all that was put in is done. */
    public boolean isDone() {
        int status = DriverCalls.cuStreamQuery(handle);
        if (status == DriverCalls.SUCCESS) return true;
        if (status == DriverCalls.ERROR_NOT_READY) return false;
        throw new CudaException("cuStreamQuery", status);
    }

    /** What is put in after this call waits for {@code event}. */
    public void await(CudaEvent event) {
        DriverCalls.cuStreamWaitEvent(handle, event.handle(), 0);
    }

    /** From here on, what this thread puts in is recorded instead of run, until {@link #endCapture}. */
    public void beginCapture() {
        DriverCalls.cuStreamBeginCapture(handle, DriverCalls.CAPTURE_THREAD_LOCAL);
    }

    /** Ends recording: a graph that repeats what was put in, with the same addresses and arguments. */
    public CudaGraph endCapture() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuStreamEndCapture(handle, out);
            return new CudaGraph(device, out.get(JAVA_LONG, 0));
        }
    }

    @Override
    public void close() {
        if (closed || device.isClosed()) return;
        closed = true;
        device.makeCurrent();
        DriverCalls.cuStreamDestroy(handle);
    }
}
