package io.gatun.trainer.command;

import io.gatun.kernels.Roofs;
import io.gatun.parallel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How fast this machine reads memory and multiplies, measured: what decoding and products can reach at most.
 *
 * <p>Reading: a buffer of 1 GiB, or of a quarter of the available memory where that is less, is read from end to end by the
 * threads of a {@link Team}, which take pieces of 4 MiB in turn; each thread ORs 64-bit words in four vector chains ({@link
 * Roofs#read}), so every byte is loaded once and nothing is written. The best of five passes counts, after passes over a small
 * part that give the compiler time. Multiplying: twelve chains of FP32 multiply-adds on registers, one to a task, best of five.
 * Rates are in 1e9 bytes and 1e9 operations a second; a multiply-add is two operations.
 *
 * <p>Large pages matter: the launcher asks malloc for them. Without, address translation can cost a tenth of the rate.
 */
final class MemoryRoof implements AutoCloseable {
    private static final long LARGEST = 1L << 30;
    private static final int TASK = 4 << 20; // bytes
    private static final int PASSES = 5;
    private static final int ROUNDS = 2_000_000; // of multiply-adds in a task: some milliseconds
    private static final int WARM = 200; // tasks: the compiler replaces the loop after some
    private static final long PATIENCE = 10_000_000_000L; // ns; where other work keeps the compiler waiting

    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer;
    private final int tasks;
    private volatile long sink; // what was read counts for something, so it is read

    /** A buffer of 1 GiB, or a quarter of the available memory. */
    MemoryRoof() {
        this(Math.min(LARGEST, Machine.availableMemory() / 4));
    }

    /** A buffer of about {@code bytes}, for a quick look: what fits into a cache is read from there. */
    MemoryRoof(long bytes) {
        tasks = (int) Math.max(1, bytes / TASK);
        buffer = arena.allocate((long) tasks * TASK, 4096);
        buffer.fill((byte) 1); // pages are there before they are read
        warm();
    }

    private void warm() {
        long start = System.nanoTime();
        boolean slow = true;
        for (int i = 0; i < WARM || slow && System.nanoTime() - start < PATIENCE; i++) {
            long before = System.nanoTime();
            sink |= Roofs.read(buffer, 0, TASK / Roofs.PIECE);
            sink |= (long) Roofs.multiplyAdd(10_000);
            slow = System.nanoTime() - before > 20_000_000; // 0.2 GB/s: the interpreter's rate
        }
    }

    /** Bytes of the buffer that is read. */
    long bytes() {
        return buffer.byteSize();
    }

    /** 1e9 bytes a second that {@code team} reads. */
    double readRate(Team team) {
        Team.Job job = (task, _) -> sink |= Roofs.read(buffer, (long) task * TASK, TASK / Roofs.PIECE);
        return (double) buffer.byteSize() / best(team, tasks, job);
    }

    /** 1e9 FP32 operations a second of {@code team}. */
    double multiplyAddRate(Team team) {
        int count = 16 * team.threads();
        Team.Job job = (_, _) -> sink |= (long) Roofs.multiplyAdd(ROUNDS);
        return (double) Roofs.OPERATIONS_PER_ROUND * ROUNDS * count / best(team, count, job);
    }

    /** Nanoseconds of the fastest pass. */
    private static long best(Team team, int tasks, Team.Job job) {
        long best = Long.MAX_VALUE;
        for (int pass = 0; pass < PASSES; pass++) {
            long start = System.nanoTime();
            team.run(tasks, job);
            best = Math.min(best, System.nanoTime() - start);
        }
        return best;
    }

    @Override
    public void close() {
        arena.close();
    }
}
