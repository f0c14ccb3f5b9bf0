package io.gatun.trainer.loop;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C during a run: the step that runs is finished and a checkpoint written before the process ends with exit code 130,
 * which is what the Java launcher gives for the signal.
 */
final class Interrupt implements AutoCloseable {
    private static final long LONGEST_WAIT = 120; // seconds; a second Ctrl-C ends the process at once

    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook = new Thread(this::await, "gatun-interrupt");
    private volatile boolean requested;

    Interrupt() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Whether the process was asked to end. */
    boolean requested() {
        return requested;
    }

    private void await() {
        requested = true;
        try {
            if (!done.await(LONGEST_WAIT, TimeUnit.SECONDS))
                System.err.println("gatun: gave up waiting for the step to end");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Lets the process end. */
    @Override
    public void close() {
        done.countDown();
        if (requested) return;
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException endingAlready) {
            requested = true;
        }
    }
}
