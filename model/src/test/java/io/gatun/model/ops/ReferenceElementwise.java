package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** {@link Elementwise} in double, written as the formulas read: the twin of the kernels and the oracle for gradients. */
final class ReferenceElementwise implements Elementwise {
    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor gain, float eps) {
        for (int r = 0; r < x.rows(); r++) {
            double squares = 0;
            for (int c = 0; c < x.cols(); c++) squares += x.get(r, c) * x.get(r, c);
            double scale = 1 / Math.sqrt(squares / x.cols() + eps);
            rstd.set(r, scale);
            for (int c = 0; c < x.cols(); c++) y.set(r, c, x.get(r, c) * scale * gain.get(c));
        }
    }

    @Override
    public void rmsNormInputGrad(Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor gain, Accumulate mode) {
        for (int r = 0; r < x.rows(); r++) {
            double mean = 0;
            for (int c = 0; c < x.cols(); c++) mean += gain.get(c) * dy.get(r, c) * x.get(r, c) / x.cols();
            double scale = rstd.get(r);
            for (int c = 0; c < x.cols(); c++) {
                double value = scale * (gain.get(c) * dy.get(r, c) - x.get(r, c) * scale * scale * mean);
                assign(dx, r, c, value, mode);
            }
        }
    }

    @Override
    public void rmsNormGainGrad(Tensor dGain, Tensor dy, Tensor x, Tensor rstd) {
        for (int r = 0; r < x.rows(); r++) {
            for (int c = 0; c < x.cols(); c++) {
                dGain.set(c, dGain.get(c) + dy.get(r, c) * x.get(r, c) * rstd.get(r));
            }
        }
    }

    @Override
    public void swiGlu(Tensor h, Tensor gate, Tensor up) {
        for (int r = 0; r < gate.rows(); r++) {
            for (int c = 0; c < gate.cols(); c++) {
                double g = gate.get(r, c);
                h.set(r, c, g * sigmoid(g) * up.get(r, c));
            }
        }
    }

    @Override
    public void swiGluGrad(Tensor dGate, Tensor dUp, Tensor dh, Tensor gate, Tensor up) {
        for (int r = 0; r < gate.rows(); r++) {
            for (int c = 0; c < gate.cols(); c++) {
                double g = gate.get(r, c);
                double sigma = sigmoid(g);
                double du = dh.get(r, c) * g * sigma;
                double dg = dh.get(r, c) * up.get(r, c) * sigma * (1 + g * (1 - sigma));
                dUp.set(r, c, du);
                dGate.set(r, c, dg);
            }
        }
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    @Override
    public void sequenceRows(Tensor y, int yPeriod, Tensor x, int xPeriod, Accumulate mode) {
        for (int sequence = 0; sequence < x.rows() / xPeriod; sequence++) {
            for (int place = 0; place < Math.min(xPeriod, yPeriod); place++) {
                for (int c = 0; c < x.cols(); c++) {
                    double value = x.get((long) sequence * xPeriod + place, c);
                    assign(y, (long) sequence * yPeriod + place, c, value, mode);
                }
            }
        }
    }

    private static void assign(Tensor y, long row, long col, double value, Accumulate mode) {
        y.set(row, col, mode == Accumulate.ADD ? y.get(row, col) + value : value);
    }

    @Override
    public void embedding(Tensor y, Tensor table, Tensor ids) {
        for (int r = 0; r < y.rows(); r++) {
            int id = id(ids, r, table.rows());
            for (int c = 0; c < y.cols(); c++) y.set(r, c, table.get(id, c));
        }
    }

    @Override
    public void embeddingGrad(Tensor dTable, Tensor dy, Tensor ids) {
        for (int r = 0; r < dy.rows(); r++) {
            int id = id(ids, r, dTable.rows());
            for (int c = 0; c < dy.cols(); c++) dTable.set(id, c, dTable.get(id, c) + dy.get(r, c));
        }
    }

    private static int id(Tensor ids, int row, int vocabulary) {
        int id = (int) ids.get(row);
        if (id < 0 || id >= vocabulary) {
            throw new TensorException("id %d of row %d is not one of %d".formatted(id, row, vocabulary));
        }
        return id;
    }

    @Override
    public void crossEntropy(Tensor losses, Tensor logits, Tensor targets, float factor) {
        for (int r = 0; r < logits.rows(); r++) {
            int target = id(targets, r, logits.cols());
            double max = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < logits.cols(); c++) max = Math.max(max, logits.get(r, c));
            double sum = 0;
            for (int c = 0; c < logits.cols(); c++) sum += Math.exp(logits.get(r, c) - max);
            losses.set(r, Math.log(sum) + max - logits.get(r, target));
            if (factor == 0) continue;
            for (int c = 0; c < logits.cols(); c++) {
                double probability = Math.exp(logits.get(r, c) - max) / sum;
                logits.set(r, c, factor * (c == target ? probability - 1 : probability));
            }
        }
    }

    @Override
    public double sum(Tensor x) {
        double sum = 0;
        for (long i = 0; i < x.count(); i++) sum += x.get(i);
        return sum;
    }

    @Override
    public double sumOfSquares(Tensor x) {
        double sum = 0;
        for (long i = 0; i < x.count(); i++) sum += x.get(i) * x.get(i);
        return sum;
    }

    @Override
    public void adamW(Tensor w, Tensor grad, Tensor m, Tensor v, AdamW step) {
        for (long i = 0; i < w.count(); i++) {
            double g = step.gradFactor * grad.get(i);
            double decayed = w.get(i) - step.learningRate * step.weightDecay * w.get(i);
            double m1 = step.beta1 * m.get(i) + (1 - step.beta1) * g;
            double v1 = step.beta2 * v.get(i) + (1 - step.beta2) * g * g;
            double mHat = m1 / (1 - Math.pow(step.beta1, step.step));
            double vHat = v1 / (1 - Math.pow(step.beta2, step.step));
            w.set(i, decayed - step.learningRate * mHat / (Math.sqrt(vHat) + step.eps));
            store(m, i, m1);
            store(v, i, v1);
        }
    }

    private static void store(Tensor moments, long i, double value) {
        if (moments.dtype() == DType.BF16) {
            moments.data().set(JAVA_SHORT_UNALIGNED, 2 * i, Bf16.encode((float) value));
        } else {
            moments.set(i, value);
        }
    }
}
