package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A kernel and the sizes of its parameters, as the driver knows them; it ends with its module. */
public final class CudaFunction {
    private static final int MOST_PARAMETERS = 512; // the driver allows 4 KiB of them, or 32 KiB

    private final String name;
    private final long handle;
    private final int[] sizes; // bytes of each parameter

    CudaFunction(String name, long handle) {
        this.name = name;
        this.handle = handle;
        int[] found = new int[MOST_PARAMETERS];
        int count = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment offset = arena.allocate(JAVA_LONG), size = arena.allocate(JAVA_LONG);
            while (true) {
                int status = DriverCalls.cuFuncGetParamInfo(handle, count, offset, size);
                if (status == DriverCalls.ERROR_INVALID_VALUE) break; // past the last
                if (status != DriverCalls.SUCCESS) throw new CudaException("cuFuncGetParamInfo of " + name, status);
                found[count++] = Math.toIntExact(size.get(JAVA_LONG, 0));
            }
        }
        sizes = Arrays.copyOf(found, count);
    }

    public String name() {
        return name;
    }

    long handle() {
        return handle;
    }

    /** How many parameters the kernel has. */
    public int parameters() {
        return sizes.length;
    }

    /** The size of a parameter in bytes. */
    public int size(int parameter) {
        return sizes[parameter];
    }

    /** Lets blocks ask for up to {@code bytes} of shared memory; above 48 KiB that has to be said once. */
    public void allowSharedMemory(int bytes) {
        try {
            DriverCalls.cuFuncSetAttribute(handle, DriverCalls.FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
        } catch (CudaException e) {
            throw e.during("%d bytes of shared memory for kernel %s".formatted(bytes, name));
        }
    }
}
