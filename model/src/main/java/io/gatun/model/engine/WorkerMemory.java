package io.gatun.model.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory for each worker of a team, overwritten by every task; it grows to the largest task so far. */
final class WorkerMemory {
    private final MemorySegment[] memory;
    private long bytes;

    WorkerMemory(int workers) {
        memory = new MemorySegment[workers];
    }

    /** Gives every worker at least {@code bytes} bytes; what they held is lost. */
    void reserve(long bytes) {
        if (bytes <= this.bytes) return;
        for (int i = 0; i < memory.length; i++) memory[i] = Arena.ofAuto().allocate(bytes, 64);
        this.bytes = bytes;
    }

    MemorySegment of(int worker) {
        return memory[worker];
    }
}
