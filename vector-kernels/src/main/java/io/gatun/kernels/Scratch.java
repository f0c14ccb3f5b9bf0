package io.gatun.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory for each worker of a team, overwritten by every task; it grows to the largest task so far. */
final class Scratch {
    private final MemorySegment[] memory;
    private long floats;

    Scratch(int workers) {
        memory = new MemorySegment[workers];
    }

    /** Gives every worker at least {@code floats} elements; what they held is lost. */
    void reserve(long floats) {
        if (floats <= this.floats) return;
        for (int i = 0; i < memory.length; i++) memory[i] = Arena.ofAuto().allocate(floats * Float.BYTES, 64);
        this.floats = floats;
    }

    MemorySegment of(int worker) {
        return memory[worker];
    }
}
