package io.gatun.jmh.compare;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Waits as long as a system property says: a deliberate slow-down that no compiler and no neighbour can undo. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(0)
@Warmup(iterations = 0)
@Measurement(iterations = 3)
public class SlowedBenchmark {
    static final String MILLISECONDS = "gatun.jmh.wait";

    private final int milliseconds = Integer.getInteger(MILLISECONDS);

    @Benchmark
    public void work() throws InterruptedException {
        Thread.sleep(milliseconds);
    }
}
