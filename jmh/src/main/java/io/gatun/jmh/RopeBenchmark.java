package io.gatun.jmh;

import io.gatun.model.ops.Attention;
import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;

/** Rotary positions of 64 tokens' queries: 16 heads of 128 + 64. */
public class RopeBenchmark extends CpuBenchmark {
    private static final int ROWS = 64;
    private static final int HEADS = 16;
    private static final int HEAD = 192;
    private static final int PAIRS = 32;

    private Tensor x, cos, sin;

    @Override
    void setUp() {
        x = memory.normal(ROWS, HEADS * HEAD);
        cos = memory.zeros(ROWS, PAIRS);
        sin = memory.zeros(ROWS, PAIRS);
        for (int p = 0; p < ROWS; p++) {
            for (int i = 0; i < PAIRS; i++) {
                double angle = p * Math.pow(10_000, -(double) i / PAIRS);
                cos.set(p, i, Math.cos(angle));
                sin.set(p, i, Math.sin(angle));
            }
        }
    }

    @Benchmark
    public Tensor rope() {
        ops.attention().rope(x, HEADS, cos, sin, 0, ROWS, Attention.Rotation.FORWARD);
        return x;
    }

    @Benchmark
    public Tensor ropeTwin() {
        for (int r = 0; r < ROWS; r++) {
            for (int h = 0; h < HEADS; h++) {
                long at = ((long) r * HEADS + h + 1) * HEAD - 2 * PAIRS;
                for (int i = 0; i < PAIRS; i++) turn(at + 2 * i, (long) r * PAIRS + i);
            }
        }
        return x;
    }

    private void turn(long at, long angle) {
        float c = Scalar.get(cos.data(), angle);
        float s = Scalar.get(sin.data(), angle);
        float re = Scalar.get(x.data(), at);
        float im = Scalar.get(x.data(), at + 1);
        Scalar.set(x.data(), at, re * c - im * s);
        Scalar.set(x.data(), at + 1, re * s + im * c);
    }
}
