package io.gatun.jmh;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The three products of a linear layer in training; GF/s = 2 · rows · k · n / (1000 · time). */
public class PackedProductBenchmark extends CpuBenchmark {
    /** rows x k x n: an expert of the small configuration, then some rows of train-bench's dense layer. */
    @Param({"256x128x64", "64x512x1408"})
    public String shape;

    @Param({"F32", "BF16"})
    public Format format;

    private MatmulEngine engine;
    private Weight weight;
    private Tensor x; // [rows, k]
    private Tensor y; // [rows, n]
    private int rows, k, n;

    @Override
    void setUp() {
        String[] sizes = shape.split("x");
        rows = Integer.parseInt(sizes[0]);
        k = Integer.parseInt(sizes[1]);
        n = Integer.parseInt(sizes[2]);
        engine = ops.products();
        weight = engine.prepare(memory.arena(), memory.normal(n, k), memory.zeros(n, k), format);
        engine.refresh(new Weight[] {weight});
        x = memory.normal(rows, k);
        y = memory.normal(rows, n);
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

    @Benchmark
    public Tensor forwardTwin() {
        MemorySegment w = weight.value().data();
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                Scalar.set(y.data(), (long) r * n + j, Scalar.dot(x.data(), (long) r * k, w, (long) j * k, k));
            }
        }
        return y;
    }

    @Benchmark
    public Tensor inputGradTwin() {
        MemorySegment w = weight.value().data();
        for (int r = 0; r < rows; r++) {
            Scalar.clear(x.data(), (long) r * k, k);
            for (int j = 0; j < n; j++) {
                Scalar.addScaled(x.data(), (long) r * k, Scalar.get(y.data(), (long) r * n + j), w, (long) j * k, k);
            }
        }
        return x;
    }

    @Benchmark
    public Weight weightGradTwin() {
        MemorySegment dw = weight.grad().data();
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < n; j++) {
                Scalar.addScaled(dw, (long) j * k, Scalar.get(y.data(), (long) r * n + j), x.data(), (long) r * k, k);
            }
        }
        return weight;
    }

    @Benchmark
    public float forwardRoof() {
        return Scalar.multiplyAdds(rows, k, n);
    }
}
