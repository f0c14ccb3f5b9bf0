package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Compiled kernels on a GPU. */
public final class CudaModule implements AutoCloseable {
    private final CudaDevice device;
    private final long handle;
    private boolean closed;

    /**
     * Loads machine code, such as NVRTC makes.
     *
     * @throws CudaException when it is for another kind of GPU, or damaged
     */
    public CudaModule(CudaDevice device, byte[] cubin) {
        this.device = device;
        device.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuModuleLoadData(out, arena.allocateFrom(JAVA_BYTE, cubin));
            handle = out.get(JAVA_LONG, 0);
        }
    }

    /**
     * The kernel of that name, which is {@code extern "C"} in its source.
     *
     * @throws CudaException when there is none
     */
    public CudaFunction function(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuModuleGetFunction(out, handle, arena.allocateFrom(name));
            return new CudaFunction(name, out.get(JAVA_LONG, 0));
        } catch (CudaException e) {
            throw e.during("kernel " + name);
        }
    }

    @Override
    public void close() {
        if (closed || device.isClosed()) return;
        closed = true;
        device.makeCurrent();
        DriverCalls.cuModuleUnload(handle);
    }
}
