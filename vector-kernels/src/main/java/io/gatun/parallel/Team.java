package io.gatun.parallel;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A fixed set of threads that run one region at a time: a job cut into tasks, which threads claim one after another. The
 * caller works too. Which thread runs a task never changes its result, so a region's outcome does not depend on the number
 * of threads. Hand-off takes well under a microsecond while threads spin; after some tens of microseconds without work they
 * park and use no CPU.
 */
public final class Team implements AutoCloseable {
    /** One region: {@link #run} is called once for each task, by any thread of the team. */
    @FunctionalInterface
    public interface Job {
        /**
         * @param task from 0 to the region's number of tasks
         * @param worker the thread's number, from 0 to {@link Team#threads}: the index of its scratch memory
         */
        void run(int task, int worker);
    }

    private static final int SPINS =
            2_000; // about 40 us: longer than the serial gaps of a step, shorter than a time slice

    private final Worker[] workers;
    private final ReentrantLock turn = new ReentrantLock(true);

    // The claim holds the region's number in its upper half and the next task in its lower half, so that a thread that
    // wakes
    // late can never take a task of a region it did not see begin.
    private final AtomicLong claim = new AtomicLong();
    private final AtomicInteger finished = new AtomicInteger();
    private volatile int region;
    private volatile Thread waiting;
    private volatile Throwable failure;
    private volatile boolean closed;
    private Job job;
    private int tasks;

    /**
     * @param threads how many threads run a region, the caller included
     * @throws IllegalArgumentException when {@code threads} is not positive
     */
    public Team(int threads) {
        if (threads < 1) throw new IllegalArgumentException("a team needs at least one thread, not " + threads);
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /** How many threads run a region, the caller included. */
    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs {@code job} for the tasks 0 to {@code count} and returns when all are done. Regions of several callers take turns,
     * first come first served. Allocates nothing.
     *
     * @throws IllegalStateException when the team is closed, or when called from inside a region
     */
    public void run(int count, Job job) {
        if (closed) throw new IllegalStateException("the team is closed");
        if (turn.isHeldByCurrentThread() || Thread.currentThread() instanceof Worker) {
            throw new IllegalStateException("a region cannot start another one on the same team");
        }
        if (count <= 0) return;
        turn.lock();
        try {
            if (count == 1 || workers.length == 0) {
                for (int task = 0; task < count; task++) job.run(task, 0);
                return;
            }
            int number = region + 1;
            finished.set(0);
            claim.set((long) number << 32);
            this.job = job;
            this.tasks = count;
            region = number; // publishes the fields above
            for (Worker worker : workers) worker.wake();
            work(number, 0);
            awaitAll(count);
            Throwable failed = failure;
            if (failed != null) {
                failure = null;
                if (failed instanceof Error error) throw error;
                throw (RuntimeException) failed;
            }
        } finally {
            turn.unlock();
        }
    }

    private void work(int number, int worker) {
        while (true) {
            long next = claim.get();
            if ((int) (next >>> 32) != number || (int) next >= tasks) return;
            if (!claim.compareAndSet(next, next + 1)) continue;
            try {
                job.run((int) next, worker);
            } catch (RuntimeException | Error thrown) {
                failure = thrown;
            }
            int all = tasks; // read before the count, which lets the next region begin
            if (finished.incrementAndGet() == all) {
                Thread caller = waiting;
                if (caller != null) LockSupport.unpark(caller);
            }
        }
    }

    private void awaitAll(int count) {
        for (int spin = 0; finished.get() < count; spin++) {
            if (spin < SPINS) {
                Thread.onSpinWait();
            } else {
                waiting = Thread.currentThread();
                if (finished.get() < count) LockSupport.park(this);
                waiting = null;
            }
        }
    }

    /** Ends the threads; a region that runs is finished first. */
    @Override
    public void close() {
        turn.lock();
        try {
            closed = true;
            region++;
            for (Worker worker : workers) LockSupport.unpark(worker);
        } finally {
            turn.unlock();
        }
    }

    private final class Worker extends Thread {
        private final int number;
        private volatile boolean parked;

        Worker(int number) {
            super("gatun-" + number);
            this.number = number;
            setDaemon(true);
        }

        void wake() {
            if (parked) LockSupport.unpark(this);
        }

        @Override
        public void run() {
            int seen = 0;
            while (!closed) {
                int current = region;
                if (current == seen) current = await(seen);
                seen = current;
                if (!closed) work(current, number);
            }
        }

        private int await(int seen) {
            for (int spin = 0; region == seen; spin++) {
                if (spin < SPINS) {
                    Thread.onSpinWait();
                } else {
                    parked = true;
                    if (region == seen) LockSupport.park(Team.this);
                    parked = false;
                }
            }
            return region;
        }
    }
}
