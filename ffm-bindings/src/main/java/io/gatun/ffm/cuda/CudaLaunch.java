package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A kernel with room for its arguments, of one thread: set them, run, set some anew, run again. Arguments are copied when a run is
 * queued, also into a graph. Setting and running allocate nothing.
 */
public final class CudaLaunch {
    private static final int SLOT = 8; // bytes: the largest argument is a pointer

    private final CudaFunction function;
    private final MemorySegment arguments;
    private final MemorySegment pointers; // [parameters] where each argument lies
    private long set; // bit i: argument i was given

    /**
     * Room for the arguments of {@code function}, as long as {@code arena} lives.
     *
     * @throws IllegalArgumentException for more than 64 parameters, or larger ones than a pointer
     */
    public CudaLaunch(CudaFunction function, Arena arena) {
        int count = function.parameters();
        if (count > Long.SIZE) {
            throw new IllegalArgumentException(
                    "kernel %s has %d parameters; at most 64 can be passed".formatted(function.name(), count));
        }
        this.function = function;
        arguments = arena.allocate((long) SLOT * Math.max(1, count), SLOT);
        pointers = arena.allocate(ADDRESS, Math.max(1, count));
        for (int i = 0; i < count; i++) {
            if (function.size(i) != Integer.BYTES && function.size(i) != Long.BYTES) {
                throw new IllegalArgumentException("parameter %d of kernel %s has %d bytes; only 4 and 8 can be passed"
                        .formatted(i, function.name(), function.size(i)));
            }
            pointers.setAtIndex(ADDRESS, i, arguments.asSlice((long) SLOT * i));
        }
    }

    /** Argument {@code index} is a pointer, or another number of 64 bits. */
    public CudaLaunch pointer(int index, long value) {
        check(index, Long.BYTES);
        arguments.setAtIndex(JAVA_LONG, index, value);
        return this;
    }

    /** Argument {@code index} is an int. */
    public CudaLaunch integer(int index, int value) {
        check(index, Integer.BYTES);
        arguments.set(JAVA_INT, (long) SLOT * index, value);
        return this;
    }

    /** Argument {@code index} is a float. */
    public CudaLaunch real(int index, float value) {
        check(index, Float.BYTES);
        arguments.set(JAVA_FLOAT, (long) SLOT * index, value);
        return this;
    }

    private void check(int index, int bytes) {
        if (index < 0 || index >= function.parameters() || function.size(index) != bytes) {
            throw new IllegalArgumentException(refusal(index, bytes));
        }
        set |= 1L << index;
    }

    private String refusal(int index, int bytes) {
        if (index < 0 || index >= function.parameters()) {
            return "kernel %s has %d parameters; argument %d was given"
                    .formatted(function.name(), function.parameters(), index);
        }
        return "parameter %d of kernel %s has %d bytes; an argument of %d was given"
                .formatted(index, function.name(), function.size(index), bytes);
    }

    /** Puts a run of rows into {@code stream}: {@code blocks} blocks of {@code threads} threads, in one dimension. */
    public void run(CudaStream stream, int blocks, int threads, int sharedBytes) {
        run(stream, blocks, 1, 1, threads, 1, 1, sharedBytes);
    }

    /**
     * Puts a run into {@code stream}.
     *
     * @param sharedBytes shared memory of a block beside what its source declares
     * @throws CudaException when grid or block are too large; failures of the kernel itself show later
     */
    public void run(
            CudaStream stream, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes) {
        int missing = function.parameters() - Long.bitCount(set);
        if (missing > 0) {
            throw new IllegalStateException("kernel %s has %d parameters; %d of them were never given"
                    .formatted(function.name(), function.parameters(), missing));
        }
        try {
            DriverCalls.cuLaunchKernel(
                    function.handle(),
                    gridX,
                    gridY,
                    gridZ,
                    blockX,
                    blockY,
                    blockZ,
                    sharedBytes,
                    stream.handle(),
                    pointers,
                    0);
        } catch (CudaException e) {
            throw e.during("kernel %s, grid %d x %d x %d, block %d x %d x %d, %d bytes shared"
                    .formatted(function.name(), gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes));
        }
    }
}
