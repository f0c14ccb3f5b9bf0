package io.gatun.jmh;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.model.ops.Attention;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.RouterConfig;
import io.gatun.model.ops.Routing;
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

/** Every other verb of a training step at the sizes of the small configuration: 8 sequences of 128 tokens. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
        value = 3,
        jvmArgs = {"--add-modules=jdk.incubator.vector", "-Xms1g", "-Xmx1g"})
public class VerbBenchmark {
    private static final int ROWS = 1024;
    private static final int SEQUENCE = 128;
    private static final int HIDDEN = 128;
    private static final int VOCABULARY = 272;
    private static final Attention.Shape SHAPE = new Attention.Shape(4, 32, 16, 32, SEQUENCE, 0.14f);
    private static final RouterConfig ROUTER = new RouterConfig(16, 4, 1, 1, Scoring.SIGMOID, true, true, 2.5f);

    @Param({"1", "2"})
    public int threads;

    private Memory memory;
    private CpuOps ops;
    private Tensor x, y, gain, rstd, q, kv, kRope, o, dq, dkv, dkRope, logSumExp;
    private Tensor logits, losses, targets, routerLogits, bias, permuted, m, v;
    private Routing routing;
    private final Elementwise.AdamW step = new Elementwise.AdamW();

    @Setup
    public void setUp() {
        memory = new Memory(threads);
        ops = CpuOps.on(memory.team);
        x = memory.normal(ROWS, HIDDEN);
        y = memory.normal(ROWS, HIDDEN);
        gain = memory.normal(HIDDEN);
        rstd = memory.zeros(ROWS);
        q = memory.normal(ROWS, 4 * 48);
        kv = memory.normal(ROWS, 4 * 64);
        kRope = memory.normal(ROWS, 16);
        o = memory.normal(ROWS, 4 * 32);
        dq = memory.zeros(ROWS, 4 * 48);
        dkv = memory.zeros(ROWS, 4 * 64);
        dkRope = memory.zeros(ROWS, 16);
        logSumExp = memory.zeros(4, ROWS);
        logits = memory.normal(ROWS, VOCABULARY);
        losses = memory.zeros(ROWS);
        targets = memory.ints(ROWS);
        routerLogits = memory.normal(ROWS, 16);
        bias = memory.zeros(16);
        permuted = memory.normal(4 * ROWS, HIDDEN);
        m = memory.zeros(ROWS, HIDDEN);
        v = memory.zeros(ROWS, HIDDEN);
        routing = new Routing(
                memory.zeros(ROWS, 16),
                memory.ints(ROWS, 4),
                memory.zeros(ROWS, 4),
                memory.ints(ROWS, 4),
                memory.ints(4L * ROWS),
                memory.ints(17));
        ops.experts().route(routing, routerLogits, bias, ROUTER);
        ops.attention().causal(o, logSumExp, q, kv, kRope, SHAPE);
    }

    @TearDown
    public void tearDown() {
        memory.close();
    }

    @Benchmark
    public Tensor rmsNorm() {
        ops.elementwise().rmsNorm(y, rstd, x, gain, 1e-6f);
        return y;
    }

    @Benchmark
    public Tensor swiGlu() {
        ops.elementwise().swiGlu(o, x, y);
        return o;
    }

    @Benchmark
    public Tensor crossEntropy() {
        ops.elementwise().crossEntropy(losses, logits, targets, 1e-3f);
        return losses;
    }

    @Benchmark
    public Tensor adamW() {
        ops.elementwise().adamW(x, y, m, v, step);
        return x;
    }

    @Benchmark
    public Tensor attention() {
        ops.attention().causal(o, logSumExp, q, kv, kRope, SHAPE);
        return o;
    }

    @Benchmark
    public Tensor attentionGrad() {
        ops.attention().causalGrad(dq, dkv, dkRope, y, o, logSumExp, q, kv, kRope, SHAPE);
        return dq;
    }

    @Benchmark
    public Routing route() {
        ops.experts().route(routing, routerLogits, bias, ROUTER);
        return routing;
    }

    @Benchmark
    public Tensor permute() {
        ops.experts().permute(permuted, x, routing);
        return permuted;
    }

    @Benchmark
    public Tensor unpermute() {
        ops.experts().unpermute(y, permuted, routing, Accumulate.WRITE);
        return y;
    }
}
