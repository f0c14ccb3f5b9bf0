package io.gatun.model.engine;

import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.DeviceMemory;

/** GPU memory that every product overwrites; it grows to the largest so far. */
final class DeviceBuffer implements AutoCloseable {
    private final CudaDevice device;
    private DeviceMemory memory;

    DeviceBuffer(CudaDevice device) {
        this.device = device;
    }

    /** The address of at least {@code bytes} bytes; what they held is lost, and no work that uses them may be queued. */
    long reserve(long bytes) {
        if (memory == null || memory.bytes() < bytes) {
            close();
            memory = DeviceMemory.allocate(device, bytes);
        }
        return memory.address();
    }

    /** The same while work that uses them may be queued in {@code users}: it is waited for before the memory grows. */
    long reserve(long bytes, CudaStream users) {
        if (memory == null || memory.bytes() < bytes) users.synchronize();
        return reserve(bytes);
    }

    @Override
    public void close() {
        if (memory != null) memory.close();
        memory = null;
    }
}
