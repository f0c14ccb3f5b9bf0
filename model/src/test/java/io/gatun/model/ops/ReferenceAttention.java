package io.gatun.model.ops;

import io.gatun.tensor.Tensor;

/** {@link Attention} as its formulas read: scalar, sums in double, whole score rows. Slow and obvious. */
public final class ReferenceAttention implements Attention {
    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence, Rotation rotation) {
        int headDim = x.cols() / heads;
        int ropeDim = 2 * cos.cols();
        for (int r = 0; r < x.rows(); r++) {
            int position = start + r % sequence;
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
    }

    @Override
    public void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Shape shape) {
        for (int r = 0; r < q.rows(); r++) {
            int first = r - r % shape.sequence();
            for (int h = 0; h < shape.heads(); h++) {
                double[] p = new double[r - first + 1];
                for (int j = 0; j < p.length; j++) p[j] = score(q, kv, kRope, shape, h, r, first + j);
                logSumExp.set(h, r, softmax(p));
                for (int c = 0; c < shape.valueDim(); c++) {
                    double sum = 0;
                    for (int j = 0; j < p.length; j++) sum += p[j] * kv.get(first + j, valueColumn(shape, h) + c);
                    o.set(r, h * shape.valueDim() + c, sum);
                }
            }
        }
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
    public void absorbed(Tensor o, Tensor q, Tensor kvB, Tensor latent, Tensor rope, int start, Shape shape) {
        int latentDim = kvB.cols();
        for (int r = 0; r < q.rows(); r++) {
            for (int h = 0; h < shape.heads(); h++) {
                double[] absorbed = new double[latentDim];
                for (int l = 0; l < latentDim; l++) {
                    for (int d = 0; d < shape.nopeDim(); d++) {
                        absorbed[l] += q.get(r, h * shape.keyDim() + d) * kvB.get(h * shape.kvDim() + d, l);
                    }
                }
                double[] p = new double[start + r + 1];
                for (int j = 0; j < p.length; j++) {
                    for (int l = 0; l < latentDim; l++) p[j] += absorbed[l] * latent.get(j, l);
                    for (int d = 0; d < shape.ropeDim(); d++) {
                        p[j] += q.get(r, h * shape.keyDim() + shape.nopeDim() + d) * rope.get(j, d);
                    }
                    p[j] *= shape.scale();
                }
                softmax(p);
                double[] context = new double[latentDim];
                for (int l = 0; l < latentDim; l++) {
                    for (int j = 0; j < p.length; j++) context[l] += p[j] * latent.get(j, l);
                }
                for (int c = 0; c < shape.valueDim(); c++) {
                    double sum = 0;
                    for (int l = 0; l < latentDim; l++) {
                        sum += kvB.get(h * shape.kvDim() + shape.nopeDim() + c, l) * context[l];
                    }
                    o.set(r, h * shape.valueDim() + c, sum);
                }
            }
        }
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
