package io.gatun.trainer.report;

import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongSupplier;

/**
 * A run as a person watches it, on stderr: on a terminal one line with a bar that is drawn again and again, else a plain line
 * every few seconds. Written by hand because me.tongfei:progressbar brings jline, whose JNI library makes the JDK print
 * warnings about restricted methods.
 */
public final class Progress implements MetricsSink {
    /**
     * How far the run goes.
     *
     * @param steps its last step
     * @param tokens seen after the last step: the time left is counted in tokens, since batches may grow
     * @param bytesPerToken of the training text; 1 for the byte-level tokenizer
     */
    public record Goal(long steps, long tokens, double bytesPerToken) {
        public Goal {
            if (steps < 1) throw new IllegalArgumentException("steps is " + steps + "; it is at least 1");
            if (!(bytesPerToken > 0)) {
                throw new IllegalArgumentException("bytesPerToken is " + bytesPerToken + "; it is positive");
            }
        }
    }

    private static final long REDRAW_NANOS = 100_000_000L, LINE_NANOS = 10_000_000_000L;
    private static final int WIDEST_BAR = 40, NARROWEST_BAR = 6;

    private final PrintStream out;
    private final int width; // of the terminal's line; 0: no terminal
    private final boolean unicode;
    private final LongSupplier nanoTime;
    private final Goal goal;
    private final MovingAverage loss = new MovingAverage(20);
    private final MovingAverage speed = new MovingAverage(20);
    private StepMetrics last;
    private long firstTokens;
    private long firstNanos;
    private long shownStep = -1;
    private long shownNanos;
    private int drawn; // columns of the line on the screen that the next one covers

    Progress(PrintStream out, int width, LongSupplier nanoTime, Goal goal) {
        this.out = out;
        this.width = width;
        this.nanoTime = nanoTime;
        this.goal = goal;
        unicode = out.charset().newEncoder().canEncode("━─");
    }

    /** Progress on this process's stderr. */
    public static Progress onStderr(Goal goal) {
        return new Progress(System.err, stderrIsTerminal() ? columns() : 0, System::nanoTime, goal);
    }

    private static boolean stderrIsTerminal() {
        if ("dumb".equals(System.getenv("TERM"))) return false;
        try { // a Console answers for stdin and stdout only
            String stderr = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
            return stderr.startsWith("/dev/pts/") || stderr.startsWith("/dev/tty") || stderr.equals("/dev/console");
        } catch (IOException | UnsupportedOperationException e) { // not Linux
            Console console = System.console();
            return console != null && console.isTerminal();
        }
    }

    private static int columns() {
        String columns = System.getenv("COLUMNS"); // few shells export it
        return columns != null && columns.matches("[1-9][0-9]{1,3}") ? Integer.parseInt(columns) - 1 : 79;
    }

    @Override
    public synchronized void step(StepMetrics metrics) {
        long now = nanoTime.getAsLong();
        if (last == null) { // the first step, which compiles and warms up, says nothing about the others
            firstTokens = metrics.tokens();
            firstNanos = now;
        }
        last = metrics;
        loss.add(metrics.loss());
        speed.add(metrics.tokensPerSecond());
        long wait = width > 0 ? REDRAW_NANOS : LINE_NANOS;
        if (shownStep < 0 || metrics.step() == goal.steps() || now - shownNanos >= wait) show(now);
    }

    @Override
    public synchronized void heldOut(long step, double bitsPerByte) {
        note("step " + step + ": held-out text " + Numbers.fixed(bitsPerByte, 3) + " bits per byte");
    }

    /** Prints a line of its own, above the bar where there is one. */
    public synchronized void note(String line) {
        if (width > 0) erase();
        out.println(line);
        out.flush();
        if (width > 0 && last != null) draw(nanoTime.getAsLong());
    }

    /** Shows the last step if it was not, and leaves the line. */
    @Override
    public synchronized void close() {
        if (last != null && (width > 0 || shownStep != last.step())) show(nanoTime.getAsLong());
        if (drawn > 0) out.println();
        drawn = 0;
        out.flush();
    }

    private void show(long now) {
        shownStep = last.step();
        shownNanos = now;
        if (width > 0) {
            draw(now);
        } else {
            out.println("step " + figures(now)
                    + "  lr " + Numbers.compact(last.learningRate())
                    + "  gradient norm " + Numbers.compact(last.gradientNorm()));
            out.flush();
        }
    }

    private void draw(long now) {
        String text = figures(now);
        int room = Math.min(WIDEST_BAR, width - text.length() - 2);
        String line = room < NARROWEST_BAR ? text : bar(room) + "  " + text;
        if (line.length() > width) line = line.substring(0, width); // a wrapped line could not be drawn over
        out.print("\r" + line + " ".repeat(Math.max(0, drawn - line.length())));
        out.flush();
        drawn = line.length();
    }

    private void erase() {
        out.print("\r" + " ".repeat(drawn) + "\r");
        drawn = 0;
    }

    private String bar(int room) {
        int full = Math.clamp(room * last.step() / goal.steps(), 0, room);
        return (unicode ? "━" : "#").repeat(full) + (unicode ? "─" : ".").repeat(room - full);
    }

    private String figures(long now) {
        double bitsPerByte = loss.value() / Math.log(2) / goal.bytesPerToken();
        double rate =
                (last.tokens() - firstTokens) / ((now - firstNanos) * 1e-9); // held-out and checkpoint time included
        double left = last.tokens() > firstTokens ? (goal.tokens() - last.tokens()) / rate : Double.NaN;
        return padded(last.step() + "", (goal.steps() + "").length())
                + "/" + goal.steps()
                + "  loss " + Numbers.fixed(loss.value(), 3)
                + "  " + Numbers.fixed(bitsPerByte, 3) + " bits/byte  "
                + padded(Numbers.compact(speed.value()), 5) + " tok/s  "
                + padded(Numbers.duration(last.step() >= goal.steps() ? 0 : left), 5) + " left";
    }

    private static String padded(String text, int width) {
        return " ".repeat(Math.max(0, width - text.length())) + text;
    }
}
