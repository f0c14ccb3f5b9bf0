package io.gatun.trainer.command;

import io.gatun.kernels.Sums;
import io.gatun.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** How fast memory can be read, by a plain loop over more than any cache holds. */
final class MemoryRoof implements AutoCloseable {
    private static final long BYTES = 1L << 30;
    private static final int PIECE = 1 << 20;

    private final Arena arena = Arena.ofShared();
    private final Team team;
    private final MemorySegment memory;

    MemoryRoof(int threads) {
        team = new Team(threads);
        memory = arena.allocate(BYTES, 64);
        memory.fill((byte) 0);
    }

    /** GB/s, the best of several. */
    double read() {
        double best = 0;
        for (int i = 0; i < 5; i++) {
            long start = System.nanoTime();
            team.run((int) (BYTES / PIECE), (task, worker) -> Sums.sum(memory, (long) task * PIECE, PIECE / 4));
            best = Math.max(best, (double) BYTES / (System.nanoTime() - start));
        }
        return best;
    }

    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
