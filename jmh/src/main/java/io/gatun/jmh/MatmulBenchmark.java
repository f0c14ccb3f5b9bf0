package io.gatun.jmh;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
import io.gatun.tensor.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
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

/** The three products of a linear layer, in microseconds; GF/s = 2 · rows · k · n / (1000 · time). */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"--add-modules=jdk.incubator.vector", "-Xms1g", "-Xmx1g"})
public class MatmulBenchmark {
    /** rows x k x n: small's projections and experts, then train-bench's dense layer. */
    @Param({"1024x128x128", "256x128x64", "2048x512x1408"})
    public String shape;

    @Param({"1", "2"})
    public int threads;

    private Memory memory;
    private VectorMatmul engine;
    private Weight weight;
    private Tensor x;
    private Tensor y;

    @Setup
    public void setUp() {
        String[] sizes = shape.split("x");
        int rows = Integer.parseInt(sizes[0]);
        int k = Integer.parseInt(sizes[1]);
        int n = Integer.parseInt(sizes[2]);
        memory = new Memory(threads);
        engine = new VectorMatmul(memory.team);
        weight = engine.prepare(memory.arena(), memory.normal(n, k), memory.zeros(n, k), Format.F32);
        engine.refresh(new Weight[] {weight});
        x = memory.normal(rows, k);
        y = memory.normal(rows, n);
    }

    @TearDown
    public void tearDown() {
        memory.close();
    }

    @Benchmark
    public Tensor forward() {
        engine.forward(y, x, weight, Accumulate.WRITE);
        return y;
    }

    @Benchmark
    public Tensor inputGrad() {
        engine.inputGrad(x, y, weight, Accumulate.WRITE);
        return x;
    }

    @Benchmark
    public Weight weightGrad() {
        engine.weightGrad(weight, y, x);
        return weight;
    }
}
