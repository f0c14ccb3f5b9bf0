package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Host memory that the driver keeps in place, so that copies from and to it are quick and do not wait for the CPU. */
public final class PinnedMemory implements AutoCloseable {
    private final CudaDevice device;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;

    private PinnedMemory(CudaDevice device, long address, long bytes) {
        this.device = device;
        this.segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, memory -> free(memory.address()));
    }

    /**
     * Memory that lives until it is closed.
     *
     * @throws CudaException when the system does not give so much
     */
    public static PinnedMemory allocate(CudaDevice device, long bytes) {
        device.makeCurrent();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(JAVA_LONG);
            DriverCalls.cuMemHostAlloc(out, Math.max(bytes, 1), DriverCalls.MEMHOSTALLOC_PORTABLE);
            return new PinnedMemory(device, out.get(JAVA_LONG, 0), bytes);
        }
    }

    /** The memory, page-aligned; any thread may use it. */
    public MemorySegment segment() {
        return segment;
    }

    private void free(long address) {
        if (device.isClosed()) return;
        device.makeCurrent();
        DriverCalls.cuMemFreeHost(address);
    }

    /** Frees the memory, which no copy that runs may use any more; a second call does nothing. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) arena.close();
    }
}
