package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of a GPU: an address that only the GPU reads and writes; {@link CudaStream} copies to and from it. It begins at a multiple of
 * 256 bytes, and what is in it at first is not defined.
 */
public final class DeviceMemory implements AutoCloseable {
    private final CudaDevice device;
    private final long address;
    private final long bytes;
    private boolean freed;

    private DeviceMemory(CudaDevice device, long address, long bytes) {
        this.device = device;
        this.address = address;
        this.bytes = bytes;
    }

    /**
     * Memory that lives until it is closed.
     *
     * @throws CudaException when the GPU has not so much
     */
    public static DeviceMemory allocate(CudaDevice device, long bytes) {
        device.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuMemAlloc(out, Math.max(bytes, 1));
            return new DeviceMemory(device, out.get(JAVA_LONG, 0), bytes);
        }
    }

    /** Memory that lives as long as {@code arena}. */
    public static DeviceMemory allocate(CudaDevice device, Arena arena, long bytes) {
        DeviceMemory memory = allocate(device, bytes);
        Closing.with(arena, memory::close);
        return memory;
    }

    public long address() {
        return address;
    }

    public long bytes() {
        return bytes;
    }

    /** Frees the memory, which nothing that runs may use any more; a second call does nothing. */
    @Override
    public synchronized void close() {
        if (freed || device.isClosed()) return; // with the context its memory went
        freed = true;
        device.makeCurrent(); // an arena may be closed by any thread
        DriverCalls.cuMemFree(address);
    }
}
