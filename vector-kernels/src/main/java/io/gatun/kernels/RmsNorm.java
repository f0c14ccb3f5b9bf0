package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Root-mean-square norm of rows: {@code y = x · rstd · gain} with {@code rstd = 1/√(mean(x²) + eps)} per row (SPEC 2.1).
 *
 * <p>All f32. Matrices are [rows, dim] with a stride in elements between rows; each function works on the rows {@code from}
 * (included) to {@code to} (excluded), so that callers can share rows among threads.
 */
public final class RmsNorm {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();

    private RmsNorm() {}

    /**
     * Writes {@code y} and {@code rstd} [rows], which the gradients read; {@code y} may be {@code x}.
     *
     * @param gain [dim]
     * @param eps added to the mean square; DeepSeek-V3 uses 1e-6
     */
    public static void forward(
            MemorySegment y,
            long yStride,
            MemorySegment rstd,
            MemorySegment x,
            long xStride,
            MemorySegment gain,
            int from,
            int to,
            int dim,
            float eps) {
        for (int r = from; r < to; r++) {
            long xRow = r * xStride * 4;
            float scale = (float) (1 / Math.sqrt(sumOfSquares(x, xRow, dim) / dim + eps));
            rstd.set(JAVA_FLOAT_UNALIGNED, 4L * r, scale);
            scale(y, r * yStride * 4, x, xRow, gain, dim, scale);
        }
    }

    private static double sumOfSquares(MemorySegment x, long row, int dim) {
        var s0 = FloatVector.zero(LANES); // four chains hide the latency of FMA
        var s1 = s0;
        var s2 = s0;
        var s3 = s0;
        int i = 0;
        for (; i <= dim - 4 * STEP; i += 4 * STEP) {
            long at = row + (long) i * 4;
            var a = FloatVector.fromMemorySegment(LANES, x, at, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, x, at + 4L * STEP, LITTLE_ENDIAN);
            var c = FloatVector.fromMemorySegment(LANES, x, at + 8L * STEP, LITTLE_ENDIAN);
            var d = FloatVector.fromMemorySegment(LANES, x, at + 12L * STEP, LITTLE_ENDIAN);
            s0 = a.fma(a, s0);
            s1 = b.fma(b, s1);
            s2 = c.fma(c, s2);
            s3 = d.fma(d, s3);
        }
        for (; i <= dim - STEP; i += STEP) {
            var a = FloatVector.fromMemorySegment(LANES, x, row + (long) i * 4, LITTLE_ENDIAN);
            s0 = a.fma(a, s0);
        }
        double sum = LaneSum.of(s0.add(s1).add(s2.add(s3)));
        for (; i < dim; i++) {
            double a = x.get(JAVA_FLOAT_UNALIGNED, row + (long) i * 4);
            sum += a * a;
        }
        return sum;
    }

    private static void scale(
            MemorySegment y, long yRow, MemorySegment x, long xRow, MemorySegment gain, int dim, float scale) {
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var g = FloatVector.fromMemorySegment(LANES, gain, at, LITTLE_ENDIAN);
            var a = FloatVector.fromMemorySegment(LANES, x, xRow + at, LITTLE_ENDIAN);
            a.mul(scale).mul(g).intoMemorySegment(y, yRow + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float g = gain.get(JAVA_FLOAT_UNALIGNED, at);
            y.set(JAVA_FLOAT_UNALIGNED, yRow + at, x.get(JAVA_FLOAT_UNALIGNED, xRow + at) * scale * g);
        }
    }

    /**
     * Writes or adds the gradient for the input, {@code dx = rstd · (gain · dy - x · rstd² · mean(gain · dy · x))}; {@code dx} may
     * be {@code dy} or {@code x}.
     */
    public static void inputGrad(
            MemorySegment dx,
            long dxStride,
            MemorySegment dy,
            long dyStride,
            MemorySegment x,
            long xStride,
            MemorySegment rstd,
            MemorySegment gain,
            int from,
            int to,
            int dim,
            Accumulate mode) {
        for (int r = from; r < to; r++) {
            long dxRow = r * dxStride * 4;
            long dyRow = r * dyStride * 4;
            long xRow = r * xStride * 4;
            double scale = rstd.get(JAVA_FLOAT_UNALIGNED, 4L * r);
            double mean = dot(dy, dyRow, x, xRow, gain, dim) / dim;
            float along = (float) (-scale * scale * scale * mean);
            if (mode == Accumulate.ADD) {
                addSum(dx, dxRow, dy, dyRow, x, xRow, gain, dim, (float) scale, along);
            } else {
                writeSum(dx, dxRow, dy, dyRow, x, xRow, gain, dim, (float) scale, along);
            }
        }
    }

    private static double dot(MemorySegment dy, long dyRow, MemorySegment x, long xRow, MemorySegment gain, int dim) {
        var s0 = FloatVector.zero(LANES);
        var s1 = s0;
        int i = 0;
        for (; i <= dim - 2 * STEP; i += 2 * STEP) {
            long at = (long) i * 4;
            long next = at + 4L * STEP;
            var g0 = FloatVector.fromMemorySegment(LANES, gain, at, LITTLE_ENDIAN);
            var g1 = FloatVector.fromMemorySegment(LANES, gain, next, LITTLE_ENDIAN);
            var d0 = FloatVector.fromMemorySegment(LANES, dy, dyRow + at, LITTLE_ENDIAN);
            var d1 = FloatVector.fromMemorySegment(LANES, dy, dyRow + next, LITTLE_ENDIAN);
            var x0 = FloatVector.fromMemorySegment(LANES, x, xRow + at, LITTLE_ENDIAN);
            var x1 = FloatVector.fromMemorySegment(LANES, x, xRow + next, LITTLE_ENDIAN);
            s0 = g0.mul(d0).fma(x0, s0);
            s1 = g1.mul(d1).fma(x1, s1);
        }
        double sum = LaneSum.of(s0.add(s1));
        for (; i < dim; i++) {
            long at = (long) i * 4;
            double gradient = gain.get(JAVA_FLOAT_UNALIGNED, at) * dy.get(JAVA_FLOAT_UNALIGNED, dyRow + at);
            sum += gradient * x.get(JAVA_FLOAT_UNALIGNED, xRow + at);
        }
        return sum;
    }

    /** {@code dx = scale · gain · dy + along · x}. One loop for both modes would branch on every vector. */
    private static void writeSum(
            MemorySegment dx,
            long dxRow,
            MemorySegment dy,
            long dyRow,
            MemorySegment x,
            long xRow,
            MemorySegment gain,
            int dim,
            float scale,
            float along) {
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var g = FloatVector.fromMemorySegment(LANES, gain, at, LITTLE_ENDIAN);
            var d = FloatVector.fromMemorySegment(LANES, dy, dyRow + at, LITTLE_ENDIAN);
            var a = FloatVector.fromMemorySegment(LANES, x, xRow + at, LITTLE_ENDIAN);
            g.mul(d).mul(scale).add(a.mul(along)).intoMemorySegment(dx, dxRow + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float d = gain.get(JAVA_FLOAT_UNALIGNED, at) * dy.get(JAVA_FLOAT_UNALIGNED, dyRow + at);
            float sum = d * scale + x.get(JAVA_FLOAT_UNALIGNED, xRow + at) * along;
            dx.set(JAVA_FLOAT_UNALIGNED, dxRow + at, sum);
        }
    }

    /** {@code dx += scale · gain · dy + along · x}. */
    private static void addSum(
            MemorySegment dx,
            long dxRow,
            MemorySegment dy,
            long dyRow,
            MemorySegment x,
            long xRow,
            MemorySegment gain,
            int dim,
            float scale,
            float along) {
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var g = FloatVector.fromMemorySegment(LANES, gain, at, LITTLE_ENDIAN);
            var d = FloatVector.fromMemorySegment(LANES, dy, dyRow + at, LITTLE_ENDIAN);
            var a = FloatVector.fromMemorySegment(LANES, x, xRow + at, LITTLE_ENDIAN);
            var sum = g.mul(d).mul(scale).add(a.mul(along));
            var before = FloatVector.fromMemorySegment(LANES, dx, dxRow + at, LITTLE_ENDIAN);
            before.add(sum).intoMemorySegment(dx, dxRow + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float d = gain.get(JAVA_FLOAT_UNALIGNED, at) * dy.get(JAVA_FLOAT_UNALIGNED, dyRow + at);
            float sum = d * scale + x.get(JAVA_FLOAT_UNALIGNED, xRow + at) * along;
            dx.set(JAVA_FLOAT_UNALIGNED, dxRow + at, dx.get(JAVA_FLOAT_UNALIGNED, dxRow + at) + sum);
        }
    }

    /**
     * Adds the rows' part of the gain's gradient to {@code sums}: {@code sums[c] += Σ_rows dy · x · rstd}.
     *
     * @param sumsAt the first byte of the [dim] sums in {@code sums}
     */
    public static void gainGrad(
            MemorySegment sums,
            long sumsAt,
            MemorySegment dy,
            long dyStride,
            MemorySegment x,
            long xStride,
            MemorySegment rstd,
            int from,
            int to,
            int dim) {
        for (int r = from; r < to; r++) {
            addProduct(
                    sums,
                    sumsAt,
                    dy,
                    r * dyStride * 4,
                    x,
                    r * xStride * 4,
                    dim,
                    rstd.get(JAVA_FLOAT_UNALIGNED, 4L * r));
        }
    }

    private static void addProduct(
            MemorySegment sums,
            long sumsAt,
            MemorySegment dy,
            long dyRow,
            MemorySegment x,
            long xRow,
            int dim,
            float scale) {
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var d = FloatVector.fromMemorySegment(LANES, dy, dyRow + at, LITTLE_ENDIAN);
            var a = FloatVector.fromMemorySegment(LANES, x, xRow + at, LITTLE_ENDIAN);
            var sum = FloatVector.fromMemorySegment(LANES, sums, sumsAt + at, LITTLE_ENDIAN);
            a.mul(scale).fma(d, sum).intoMemorySegment(sums, sumsAt + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float a = x.get(JAVA_FLOAT_UNALIGNED, xRow + at) * scale;
            float sum = sums.get(JAVA_FLOAT_UNALIGNED, sumsAt + at);
            sums.set(JAVA_FLOAT_UNALIGNED, sumsAt + at, Math.fma(a, dy.get(JAVA_FLOAT_UNALIGNED, dyRow + at), sum));
        }
    }
}
