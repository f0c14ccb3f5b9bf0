package io.gatun.model.engine;

import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.PinnedMemory;
import java.lang.foreign.MemorySegment;

/** Scales of one operand, made on the host beside its codes and copied when all are there; every product overwrites them. */
final class ScaleBuffer implements AutoCloseable {
    private final CudaStream stream;
    private final DeviceBuffer memory;
    private PinnedMemory host;
    private long address;
    private long bytes; // of this product

    ScaleBuffer(CudaStream stream) {
        this.stream = stream;
        memory = new DeviceBuffer(stream.device());
    }

    /** Room for {@code bytes} bytes on both sides; gives the address on the GPU. No work that uses them may be queued. */
    long reserve(long bytes) {
        address = memory.reserve(bytes);
        if (host == null || host.segment().byteSize() < bytes) {
            if (host != null) host.close();
            host = PinnedMemory.allocate(stream.device(), bytes);
        }
        this.bytes = bytes;
        return address;
    }

    /** Where the host writes. */
    MemorySegment segment() {
        return host.segment();
    }

    /** Where the GPU reads. */
    long address() {
        return address;
    }

    /** Puts the copy into the stream. */
    void upload() {
        stream.upload(address, host.segment(), 0, bytes);
    }

    @Override
    public void close() {
        if (host != null) host.close();
        host = null;
        memory.close();
    }
}
