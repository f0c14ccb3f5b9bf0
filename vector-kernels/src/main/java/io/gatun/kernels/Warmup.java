package io.gatun.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Runs the kernels of the products on tiny operands, every branch of them, until HotSpot queues them for its second compiler.
 * Otherwise it would compile them inside their first long loop with branches unseen, throw that away and start again.
 */
final class Warmup {
    private static final int ROUNDS = 600;
    private static final int ROWS = GemmTile.ROWS;
    private static final int COLUMNS = GemmTile.COLUMNS;
    private static final int K = 16;

    private static boolean done;

    private Warmup() {}

    /** Warms the kernels once a process; some tens of milliseconds. */
    static synchronized void ensure() {
        if (done) return;
        done = true;
        MemorySegment memory = Arena.ofAuto().allocate(1 << 14, 64);
        for (int round = 0; round < ROUNDS; round++) {
            int rows = 1 + round % ROWS;
            boolean odd = round % 2 == 1;
            multiply(memory, rows, COLUMNS, odd);
            multiply(memory, rows, round % COLUMNS, odd);
        }
    }

    private static void multiply(MemorySegment memory, int rows, int cols, boolean odd) {
        GemmTile.run(memory, 0, COLUMNS, memory, 512, K, memory, 1024, rows, cols, K, odd);
        GemmTile.runTransposed(memory, 0, COLUMNS, memory, 512, memory, 1024, rows, cols, K, odd);
    }
}
