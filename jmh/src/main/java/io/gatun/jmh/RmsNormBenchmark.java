package io.gatun.jmh;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** One token's norm at DeepSeek-V3's hidden size, and a micro-batch's at the small configuration's. */
public class RmsNormBenchmark extends CpuBenchmark {
    private static final float EPS = 1e-6f;

    /** rows x dim. */
    @Param({"1x7168", "1024x128"})
    public String shape;

    private int rows, dim;
    private Tensor y, rstd, x, gain, dy, dx, dGain;

    @Override
    void setUp() {
        String[] sizes = shape.split("x");
        rows = Integer.parseInt(sizes[0]);
        dim = Integer.parseInt(sizes[1]);
        y = memory.zeros(rows, dim);
        rstd = memory.zeros(rows);
        x = memory.normal(rows, dim);
        gain = memory.normal(dim);
        dy = memory.normal(rows, dim);
        dx = memory.zeros(rows, dim);
        dGain = memory.zeros(dim);
        ops.elementwise().rmsNorm(y, rstd, x, gain, EPS);
    }

    @Benchmark
    public Tensor forward() {
        ops.elementwise().rmsNorm(y, rstd, x, gain, EPS);
        return y;
    }

    @Benchmark
    public Tensor forwardTwin() {
        for (int r = 0; r < rows; r++) {
            long row = (long) r * dim;
            float scale = (float) (1 / Math.sqrt(Scalar.dot(x.data(), row, x.data(), row, dim) / dim + EPS));
            Scalar.set(rstd.data(), r, scale);
            for (int c = 0; c < dim; c++) {
                Scalar.set(y.data(), row + c, Scalar.get(x.data(), row + c) * scale * Scalar.get(gain.data(), c));
            }
        }
        return y;
    }

    @Benchmark
    public Tensor inputGrad() {
        ops.elementwise().rmsNormInputGrad(dx, dy, x, rstd, gain, Accumulate.WRITE);
        return dx;
    }

    @Benchmark
    public Tensor inputGradTwin() {
        for (int r = 0; r < rows; r++) {
            long row = (long) r * dim;
            float sum = 0;
            for (int c = 0; c < dim; c++) sum += scaled(row, c) * Scalar.get(x.data(), row + c);
            float scale = Scalar.get(rstd.data(), r);
            float share = sum / dim * scale * scale;
            for (int c = 0; c < dim; c++) {
                Scalar.set(dx.data(), row + c, scale * (scaled(row, c) - Scalar.get(x.data(), row + c) * share));
            }
        }
        return dx;
    }

    private float scaled(long row, int c) {
        return Scalar.get(dy.data(), row + c) * Scalar.get(gain.data(), c);
    }

    @Benchmark
    public Tensor gainGrad() {
        ops.elementwise().rmsNormGainGrad(dGain, dy, x, rstd);
        return dGain;
    }

    @Benchmark
    public Tensor gainGradTwin() {
        for (int r = 0; r < rows; r++) {
            long row = (long) r * dim;
            float scale = Scalar.get(rstd.data(), r);
            for (int c = 0; c < dim; c++) {
                float addend = Scalar.get(dy.data(), row + c) * Scalar.get(x.data(), row + c) * scale;
                Scalar.set(dGain.data(), c, Scalar.get(dGain.data(), c) + addend);
            }
        }
        return dGain;
    }
}
