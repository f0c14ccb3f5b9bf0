package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Weight;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;

/** {@link Attention} as its formulas read: scalar, sums in double, whole score rows. Slow and obvious. */
public final class ReferenceAttention implements Attention {
    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence, Rotation rotation) {
        for (int r = 0; r < x.rows(); r++) turn(x, r, heads, cos, sin, start + r % sequence, rotation);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, Tensor positions, Rotation rotation) {
        for (int r = 0; r < x.rows(); r++) turn(x, r, heads, cos, sin, (int) positions.get(r), rotation);
    }

    private static void turn(Tensor x, int r, int heads, Tensor cos, Tensor sin, int position, Rotation rotation) {
        int headDim = x.cols() / heads;
        int ropeDim = 2 * cos.cols();
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < ropeDim / 2; i++) {
                int at = (h + 1) * headDim - ropeDim + 2 * i;
                double re = x.get(r, at);
                double im = x.get(r, at + 1);
                double c = cos.get(position, i);
                double s = rotation == Rotation.FORWARD ? sin.get(position, i) : -sin.get(position, i);
                x.set(r, at, re * c - im * s);
                x.set(r, at + 1, re * s + im * c);
            }
        }
    }

    @Override
    public void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Shape shape) {
        for (int r = 0; r < q.rows(); r++) {
            int first = r - r % shape.sequence();
            for (int h = 0; h < shape.heads(); h++) {
                logSumExp.set(h, r, attend(o, q, kv, kRope, shape, h, r, first, r - first + 1));
            }
        }
    }

    @Override
    public void causal(Tensor o, Tensor q, Tensor kv, Tensor kRope, int start, Shape shape) {
        for (int r = 0; r < q.rows(); r++) {
            for (int h = 0; h < shape.heads(); h++) attend(o, q, kv, kRope, shape, h, r, 0, start + r + 1);
        }
    }

    /** Row r of o from {@code keys} rows of kv, the first of which is {@code first}; returns the logarithm of the denominator. */
    private static double attend(
            Tensor o, Tensor q, Tensor kv, Tensor kRope, Shape shape, int h, int r, int first, int keys) {
        double[] p = new double[keys];
        for (int j = 0; j < keys; j++) p[j] = score(q, kv, kRope, shape, h, r, first + j);
        double logSumExp = softmax(p);
        for (int c = 0; c < shape.valueDim(); c++) {
            double sum = 0;
            for (int j = 0; j < keys; j++) sum += p[j] * kv.get(first + j, valueColumn(shape, h) + c);
            o.set(r, h * shape.valueDim() + c, sum);
        }
        return logSumExp;
    }

    @Override
    public void causalGrad(
            Tensor dq,
            Tensor dkv,
            Tensor dkRope,
            Tensor dO,
            Tensor o,
            Tensor logSumExp,
            Tensor q,
            Tensor kv,
            Tensor kRope,
            Shape shape) {
        dq.clear();
        dkv.clear();
        dkRope.clear();
        for (int h = 0; h < shape.heads(); h++) {
            for (int i = 0; i < q.rows(); i++) {
                double delta = 0;
                for (int c = h * shape.valueDim(); c < (h + 1) * shape.valueDim(); c++) {
                    delta += dO.get(i, c) * o.get(i, c);
                }
                for (int j = i - i % shape.sequence(); j <= i; j++) {
                    double p = Math.exp(score(q, kv, kRope, shape, h, i, j) - logSumExp.get(h, i));
                    double dp = 0;
                    for (int c = 0; c < shape.valueDim(); c++) {
                        int value = valueColumn(shape, h) + c;
                        dp += dO.get(i, h * shape.valueDim() + c) * kv.get(j, value);
                        dkv.set(j, value, dkv.get(j, value) + p * dO.get(i, h * shape.valueDim() + c));
                    }
                    double ds = p * (dp - delta) * shape.scale();
                    for (int c = 0; c < shape.keyDim(); c++) {
                        int query = h * shape.keyDim() + c;
                        boolean nope = c < shape.nopeDim();
                        Tensor dk = nope ? dkv : dkRope;
                        int key = nope ? h * shape.kvDim() + c : c - shape.nopeDim();
                        dq.set(i, query, dq.get(i, query) + ds * key(kv, kRope, shape, h, j, c));
                        dk.set(j, key, dk.get(j, key) + ds * q.get(i, query));
                    }
                }
            }
        }
    }

    @Override
    public void append(LatentPages[] sequences, Tensor positions, Tensor cKv, Tensor kRope) {
        for (int r = 0; r < cKv.rows(); r++) {
            int position = (int) positions.get(r);
            Tensor page = sequences[r].page(position / sequences[r].pageSize());
            int row = position % sequences[r].pageSize();
            for (int c = 0; c < cKv.cols(); c++) write(page, row, c, cKv.get(r, c));
            for (int c = 0; c < kRope.cols(); c++) write(page, row, cKv.cols() + c, kRope.get(r, c));
        }
    }

    private static void write(Tensor page, int row, int col, double value) {
        if (page.dtype() == DType.BF16) {
            long at = row * page.rowStride() + col;
            page.data().set(JAVA_SHORT_UNALIGNED, at * Short.BYTES, Bf16.encode((float) value));
        } else {
            page.set(row, col, value);
        }
    }

    @Override
    public void cached(Tensor latent, Tensor rope, LatentPages sequence) {
        for (int position = 0; position < latent.rows(); position++) {
            for (int c = 0; c < latent.cols(); c++) latent.set(position, c, cached(sequence, position, c));
            for (int c = 0; c < rope.cols(); c++) rope.set(position, c, cached(sequence, position, latent.cols() + c));
        }
    }

    private static double cached(LatentPages sequence, int position, int col) {
        return sequence.page(position / sequence.pageSize()).get(position % sequence.pageSize(), col);
    }

    @Override
    public void absorbed(Tensor o, Tensor q, Weight kvB, LatentPages[] sequences, Tensor positions, Shape shape) {
        double[][] w = rows(kvB);
        for (int r = 0; r < q.rows(); r++) {
            LatentPages sequence = sequences[r];
            for (int h = 0; h < shape.heads(); h++) {
                absorbed(o, q, w, r, h, (int) positions.get(r) + 1, (j, c) -> cached(sequence, j, c), shape);
            }
        }
    }

    /** What a sequence's cache has at a position: the latent vector, then the rotated key. */
    private interface Cache {
        double get(int position, int col);
    }

    private static void absorbed(
            Tensor o, Tensor q, double[][] kvB, int r, int h, int positions, Cache cache, Shape shape) {
        int latentDim = kvB[0].length;
        double[] absorbed = new double[latentDim];
        for (int l = 0; l < latentDim; l++) {
            for (int d = 0; d < shape.nopeDim(); d++) {
                absorbed[l] += q.get(r, h * shape.keyDim() + d) * kvB[h * shape.kvDim() + d][l];
            }
        }
        double[] p = new double[positions];
        for (int j = 0; j < positions; j++) {
            for (int l = 0; l < latentDim; l++) p[j] += absorbed[l] * cache.get(j, l);
            for (int d = 0; d < shape.ropeDim(); d++) {
                p[j] += q.get(r, h * shape.keyDim() + shape.nopeDim() + d) * cache.get(j, latentDim + d);
            }
            p[j] *= shape.scale();
        }
        softmax(p);
        double[] context = new double[latentDim];
        for (int l = 0; l < latentDim; l++) {
            for (int j = 0; j < positions; j++) context[l] += p[j] * cache.get(j, l);
        }
        for (int c = 0; c < shape.valueDim(); c++) {
            double sum = 0;
            for (int l = 0; l < latentDim; l++) sum += kvB[h * shape.kvDim() + shape.nopeDim() + c][l] * context[l];
            o.set(r, h * shape.valueDim() + c, sum);
        }
    }

    /** The numbers of a weight: of one that is block-scaled, codes times their scales as FP32. */
    private static double[][] rows(Weight w) {
        if (w.blocks() == null) return rows(w.value());
        double[][] rows = new double[w.n()][w.k()];
        for (int r = 0; r < w.n(); r++) {
            for (int c = 0; c < w.k(); c++) rows[r][c] = ReferenceMatmul.stored(w, r, c);
        }
        return rows;
    }

    private static double[][] rows(Tensor w) {
        double[][] rows = new double[w.rows()][w.cols()];
        for (int r = 0; r < w.rows(); r++) {
            for (int c = 0; c < w.cols(); c++) rows[r][c] = w.get(r, c);
        }
        return rows;
    }

    private static double score(Tensor q, Tensor kv, Tensor kRope, Shape shape, int h, int i, int j) {
        double sum = 0;
        for (int c = 0; c < shape.keyDim(); c++) {
            sum += q.get(i, h * shape.keyDim() + c) * key(kv, kRope, shape, h, j, c);
        }
        return sum * shape.scale();
    }

    private static double key(Tensor kv, Tensor kRope, Shape shape, int h, int j, int c) {
        return c < shape.nopeDim() ? kv.get(j, h * shape.kvDim() + c) : kRope.get(j, c - shape.nopeDim());
    }

    private static int valueColumn(Shape shape, int h) {
        return h * shape.kvDim() + shape.nopeDim();
    }

    /** Replaces scores by their softmax; returns the logarithm of the denominator. */
    private static double softmax(double[] scores) {
        double max = Double.NEGATIVE_INFINITY;
        for (double s : scores) max = Math.max(max, s);
        double sum = 0;
        for (double s : scores) sum += Math.exp(s - max);
        double logSumExp = max + Math.log(sum);
        for (int j = 0; j < scores.length; j++) scores[j] = Math.exp(scores[j] - logSumExp);
        return logSumExp;
    }
}
