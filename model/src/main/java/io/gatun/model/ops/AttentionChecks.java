package io.gatun.model.ops;

import io.gatun.tensor.DType;
import io.gatun.tensor.Place;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** What the verbs of {@link Attention} ask of their arguments on the CPU; allocates only to complain. */
final class AttentionChecks {
    private AttentionChecks() {}

    static void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence) {
        matrix("x", x, x.rows(), x.cols());
        matrix("cos", cos, cos.rows(), cos.cols());
        matrix("sin", sin, cos.rows(), cos.cols());
        if (heads < 1 || x.cols() % heads != 0) {
            throw new TensorException("rope: rows of x %s cannot be cut into %d heads".formatted(x, heads));
        }
        if (2 * cos.cols() > x.cols() / heads) {
            throw new TensorException("rope: cos %s turns %d numbers of each head; heads of x %s have %d"
                    .formatted(cos, 2 * cos.cols(), x, x.cols() / heads));
        }
        if (start < 0 || sequence < 1) {
            throw new TensorException(
                    "rope: start is %d and sequence %d; a start is not negative and a sequence not empty"
                            .formatted(start, sequence));
        }
        positions("cos", cos, (long) start + Math.min(sequence, x.rows()));
    }

    static void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Attention.Shape shape) {
        sizes(shape);
        int rows = q.rows();
        if (rows % shape.sequence() != 0) {
            throw new TensorException(
                    "q %s: %d rows are not whole sequences of %d".formatted(q, rows, shape.sequence()));
        }
        matrix("o", o, rows, shape.heads() * shape.valueDim());
        matrix("logSumExp", logSumExp, shape.heads(), rows);
        matrix("q", q, rows, shape.heads() * shape.keyDim());
        matrix("kv", kv, rows, shape.heads() * shape.kvDim());
        matrix("kRope", kRope, rows, shape.ropeDim());
    }

    static void causalGrad(Tensor dq, Tensor dkv, Tensor dkRope, Tensor dO, int rows, Attention.Shape shape) {
        matrix("dq", dq, rows, shape.heads() * shape.keyDim());
        matrix("dkv", dkv, rows, shape.heads() * shape.kvDim());
        matrix("dkRope", dkRope, rows, shape.ropeDim());
        matrix("dO", dO, rows, shape.heads() * shape.valueDim());
    }

    static void absorbed(Tensor o, Tensor q, Tensor kvB, Tensor latent, Tensor rope, int start, Attention.Shape shape) {
        sizes(shape);
        int rows = shape.sequence();
        matrix("o", o, rows, shape.heads() * shape.valueDim());
        matrix("q", q, rows, shape.heads() * shape.keyDim());
        matrix("kvB", kvB, shape.heads() * shape.kvDim(), kvB.cols());
        matrix("latent", latent, latent.rows(), kvB.cols());
        matrix("rope", rope, rope.rows(), shape.ropeDim());
        if (start < 0) throw new TensorException("absorbed: start is %d; positions begin at 0".formatted(start));
        positions("latent", latent, (long) start + rows);
        positions("rope", rope, (long) start + rows);
    }

    private static void sizes(Attention.Shape shape) {
        if (shape.heads() < 1
                || shape.nopeDim() < 1
                || shape.ropeDim() < 1
                || shape.valueDim() < 1
                || shape.sequence() < 1) {
            throw new TensorException(shape + ": all sizes must be positive");
        }
        if (!(shape.scale() > 0) || shape.scale() == Float.POSITIVE_INFINITY) {
            throw new TensorException(shape + ": the scale must be positive and finite");
        }
    }

    private static void positions(String name, Tensor tensor, long count) {
        if (tensor.rows() < count) {
            throw new TensorException(
                    "%s %s has %d positions; %d are asked for".formatted(name, tensor, tensor.rows(), count));
        }
    }

    private static void matrix(String name, Tensor tensor, int rows, int cols) {
        if (tensor.dtype() != DType.F32 || tensor.place() == Place.DEVICE) {
            throw new TensorException("%s is %s in %s memory; attention on the CPU asks for f32 in host memory"
                    .formatted(name, tensor, tensor.place().name().toLowerCase()));
        }
        if (tensor.rows() != rows || tensor.cols() != cols) {
            throw new TensorException("%s is %s; asked for is [%d, %d]".formatted(name, tensor, rows, cols));
        }
    }
}
