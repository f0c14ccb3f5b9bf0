package io.gatun.trainer.command;

import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Catches Ctrl-C from its making to its closing; before and after, Ctrl-C ends the program with exit code 130 as ever. A
 * second one ends it here too. Java SE offers shutdown hooks only, and those cannot call the shutdown off: hence
 * {@code sun.misc.Signal}, of the module jdk.unsupported.
 */
final class CtrlC implements AutoCloseable {
    private static final Signal INTERRUPT = new Signal("INT");
    private static final int INTERRUPTED = 130;

    private volatile boolean pressed;
    private SignalHandler before;

    CtrlC() {
        try {
            before = Signal.handle(INTERRUPT, signal -> press());
        } catch (IllegalArgumentException e) {
            before = null; // a JVM run with -Xrs leaves signals alone, and so do we
        }
    }

    /** Whether it was pressed. */
    boolean pressed() {
        return pressed;
    }

    private void press() {
        if (pressed) System.exit(INTERRUPTED);
        pressed = true;
    }

    @Override
    public void close() {
        if (before != null) Signal.handle(INTERRUPT, before);
    }
}
