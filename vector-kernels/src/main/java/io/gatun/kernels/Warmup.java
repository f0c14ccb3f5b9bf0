package io.gatun.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Runs the kernels of training's products on operands of a realistic shape until HotSpot's second compiler has had time for them.
 * What it has seen of a kernel when it compiles it decides for the whole run: compiled in the midst of a first training step, with
 * edges seen as often as whole tiles, the same kernels run at two thirds of their speed. Compiled after others ran interpreted,
 * they can be many times slower: interpreted, a vector that is looked at as integers goes through a heap segment, and from then on
 * the compiler expects heap segments in every load and store. So packing is warmed too, and nothing that reinterprets comes first.
 * Memory of both kinds of arena takes turns: a kernel that has seen only a confined one checks for its owner, and is thrown away
 * when the first shared one comes.
 */
final class Warmup {
    private static final int ROWS = 8 * GemmTile.ROWS;
    private static final int COLUMNS = 4 * GemmTile.COLUMNS;
    private static final int K = 128;
    private static final long BYTES = 4L * (ROWS * COLUMNS + K * Panels.ROW_STEP * ROWS + K * COLUMNS);
    private static final long WHOLE_TILES = 900_000_000; // ns; a kernel takes the compiler some 300 ms
    private static final long EDGES = 300_000_000;
    private static final long SLOW = 400_000; // ns: what both products take at 4 GF/s, far below compiled code
    private static final long PATIENCE = 10_000_000_000L; // where other work keeps the compiler waiting

    private static boolean done;

    private Warmup() {}

    /** Warms the kernels once a process; about a second. */
    static synchronized void ensure() {
        if (done) return;
        done = true;
        MemorySegment.ofArray(
                new byte[1]); // loads the class of heap segments: loaded later, it throws all kernels away
        try (Arena shared = Arena.ofShared();
                Arena confined = Arena.ofConfined()) {
            MemorySegment[] memories = {shared.allocate(BYTES, 64), confined.allocate(BYTES, 64)};
            repeat(memories, WHOLE_TILES, false);
            repeat(memories, EDGES, true);
        }
    }

    /** Multiplies whole tiles, or with {@code edges} blocks whose last rows and columns are cut in every way there is. */
    private static void repeat(MemorySegment[] memories, long nanos, boolean edges) {
        long start = System.nanoTime();
        boolean add = false;
        int turn = 0;
        for (long last = start, call = start; last - start < nanos || call > SLOW && last - start < PATIENCE; turn++) {
            MemorySegment memory = memories[turn / 2 % memories.length];
            int rows = ROWS - (edges ? turn % GemmTile.ROWS : 0);
            int cols = COLUMNS - (edges ? turn % GemmTile.COLUMNS : 0);
            int a = ROWS * COLUMNS;
            int panels = a + K * Panels.ROW_STEP * ROWS;
            Panels.packTransposed(memory, panels, memory, 0, K, K, COLUMNS, false);
            Panels.packColumns(memory, panels, memory, 0, COLUMNS, K, cols, false);
            Panels.packRows(memory, a, memory, 0, COLUMNS, K, rows, false);
            GemmTile.run(memory, 0, COLUMNS, memory, a, K, memory, panels, rows, cols, K, add);
            GemmTile.runTransposed(memory, 0, COLUMNS, memory, a, memory, panels, rows, cols, K, !add);
            add = !add;
            long now = System.nanoTime();
            call = now - last;
            last = now;
        }
    }
}
