package io.gatun.jmh;

import io.gatun.model.engine.Engine;
import io.gatun.model.ops.CpuOps;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What benchmarks of the CPU's verbs share. Names carry meaning: {@code verbTwin} does the work of {@code verb} in the plainest
 * scalar Java on one thread, {@code verbRoof} only reads the bytes that it has to read, or only does its multiply-adds on registers.
 * Five forks, since two forks of one program differ more than two iterations of one fork; the launcher's JVM flags.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1) // a first call of vector code in the interpreter may take a second by itself
@Measurement(iterations = 3, time = 1)
@Fork(
        value = 5,
        jvmArgs = {
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:-UseProfiledLoopPredicate",
            "-Xms1g",
            "-Xmx1g"
        })
public abstract class CpuBenchmark {
    @Param("1")
    public int threads;

    /** auto, vector or assembled: whose loops multiply weights where they lie. */
    @Param("auto")
    public String engine = "auto";

    Memory memory;
    CpuOps ops;

    @Setup
    public void open() {
        memory = new Memory(threads);
        ops = CpuOps.on(memory.team, Engine.named(engine).loops());
        setUp();
    }

    /** Fills what the benchmark reads. JMH does not promise that it calls a superclass's set-up first, so {@link #open} calls this. */
    abstract void setUp();

    @TearDown
    public void close() {
        release();
        memory.close();
    }

    /** Closes what the benchmark opened beside {@link #memory}. */
    void release() {}
}
