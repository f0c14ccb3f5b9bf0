package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.NativeException;
import io.gatun.ffm.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * A GPU and its primary context, which everything made with the device lives in. Each thread says {@link #makeCurrent} before it
 * calls CUDA; it has to be a platform thread. Close the device after all that was made with it.
 */
public final class CudaDevice implements AutoCloseable {
    private static final int NAME_BYTES = 256;

    private final int ordinal;
    private final int device;
    private final long context;
    private volatile boolean closed;

    private CudaDevice(int ordinal) {
        this.ordinal = ordinal;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            DriverCalls.cuDeviceGet(out, ordinal);
            device = out.get(JAVA_INT, 0);
            DriverCalls.cuDevicePrimaryCtxRetain(out, device);
            context = out.get(JAVA_LONG, 0);
        }
        makeCurrent();
    }

    /** GPU number {@code ordinal}, counted from 0; empty where there is none, and {@link #why} tells why. */
    public static Optional<CudaDevice> open(int ordinal) {
        return why(ordinal).isEmpty() ? Optional.of(new CudaDevice(ordinal)) : Optional.empty();
    }

    /** Why GPU number {@code ordinal} cannot be opened; empty when it can. */
    public static String why(int ordinal) {
        if (!DriverCalls.LIBRARY.isFound()) return DriverCalls.LIBRARY.why();
        try {
            int count = count();
            return ordinal < count ? "" : "there is no GPU number %d; the driver lists %d".formatted(ordinal, count);
        } catch (NativeException e) {
            return e.getMessage();
        }
    }

    /**
     * How many GPUs the driver lists.
     *
     * @throws NativeException when there is no driver, or it finds no GPU
     */
    public static int count() {
        DriverCalls.cuInit(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            DriverCalls.cuDeviceGetCount(out);
            return out.get(JAVA_INT, 0);
        }
    }

    /** The driver's library. */
    public static NativeLibrary library() {
        return DriverCalls.LIBRARY;
    }

    /** The newest CUDA that the driver serves, such as 13.0; it needs no GPU. */
    public static String driverVersion() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            DriverCalls.cuDriverGetVersion(out);
            int version = out.get(JAVA_INT, 0);
            return version / 1000 + "." + version % 1000 / 10;
        }
    }

    public int ordinal() {
        return ordinal;
    }

    /** The product's name. */
    public String name() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(NAME_BYTES);
            DriverCalls.cuDeviceGetName(out, NAME_BYTES, device);
            return out.getString(0);
        }
    }

    /** All memory of the GPU, in bytes. */
    public long totalMemory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuDeviceTotalMem(out, device);
            return out.get(JAVA_LONG, 0);
        }
    }

    /** Memory of the GPU that nobody uses now, in bytes. */
    public long freeMemory() {
        makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment free = arena.allocate(JAVA_LONG), total = arena.allocate(JAVA_LONG);
            DriverCalls.cuMemGetInfo(free, total);
            return free.get(JAVA_LONG, 0);
        }
    }

    /** The compute capability in tenths: 90 for 9.0. */
    public int capability() {
        return 10 * attribute(DriverCalls.DEVICE_COMPUTE_CAPABILITY_MAJOR)
                + attribute(DriverCalls.DEVICE_COMPUTE_CAPABILITY_MINOR);
    }

    /** What NVRTC calls the GPU's machine code; with all that is special to it from 9.0 on: {@code sm_90a}. */
    public String architecture() {
        return "sm_" + capability() + (capability() >= 90 ? "a" : "");
    }

    public int multiprocessors() {
        return attribute(DriverCalls.DEVICE_MULTIPROCESSOR_COUNT);
    }

    /** Most shared memory that a block may ask for, in bytes. */
    public int largestSharedMemory() {
        return attribute(DriverCalls.DEVICE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    }

    private int attribute(int attribute) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            DriverCalls.cuDeviceGetAttribute(out, attribute, device);
            return out.get(JAVA_INT, 0);
        }
    }

    /** Makes this device the one that the calling thread's calls are for. */
    public void makeCurrent() {
        if (closed) throw new IllegalStateException("the device is closed");
        DriverCalls.cuCtxSetCurrent(context);
    }

    /** Whether the context is gone, and all that was made with it. */
    public boolean isClosed() {
        return closed;
    }

    /** Gives the context back; with the last device object of this GPU in the process, memory, streams and modules end too. */
    @Override
    public void close() {
        if (closed) return;
        closed = true;
        DriverCalls.cuDevicePrimaryCtxRelease(device);
    }
}
