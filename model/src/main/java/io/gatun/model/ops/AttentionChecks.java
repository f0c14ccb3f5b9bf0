package io.gatun.model.ops;

import io.gatun.kernels.LatentAttention;
import io.gatun.kernels.Weight;
import io.gatun.tensor.DType;
import io.gatun.tensor.Place;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.ValueLayout;

/** What the verbs of {@link Attention} ask of their arguments on the CPU; allocates only to complain. */
final class AttentionChecks {
    private AttentionChecks() {}

    static void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence) {
        onTheHost(x, heads, cos, sin);
        if (start < 0 || sequence < 1) {
            throw new TensorException(
                    "rope: start is %d and sequence %d; a start is not negative and a sequence not empty"
                            .formatted(start, sequence));
        }
        positions("cos", cos, (long) start + Math.min(sequence, x.rows()));
    }

    static void rope(Tensor x, int heads, Tensor cos, Tensor sin, Tensor positions) {
        onTheHost(x, heads, cos, sin);
        Demand.vector("rope", "positions", positions, DType.I32, x.rows());
        for (int r = 0; r < x.rows(); r++) {
            int position = position(positions, r);
            if (position < 0 || position >= cos.rows()) {
                throw new TensorException("rope: row %d has position %d; cos %s has those below %d"
                        .formatted(r, position, cos, cos.rows()));
            }
        }
    }

    private static void onTheHost(Tensor x, int heads, Tensor cos, Tensor sin) {
        matrix("x", x, x.rows(), x.cols());
        matrix("cos", cos, cos.rows(), cos.cols());
        matrix("sin", sin, cos.rows(), cos.cols());
        rope(x, heads, cos, sin);
    }

    /** Asks for f32 and for heads that the angles fit, wherever the tensors lie. */
    static void rope(Tensor x, int heads, Tensor cos, Tensor sin) {
        Demand.matrix("rope", "x", x, DType.F32, x.rows(), x.cols());
        Demand.matrix("rope", "cos", cos, DType.F32, cos.rows(), cos.cols());
        Demand.matrix("rope", "sin", sin, DType.F32, cos.rows(), cos.cols());
        if (heads < 1 || x.cols() % heads != 0) {
            throw new TensorException("rope: rows of x %s cannot be cut into %d heads".formatted(x, heads));
        }
        if (2 * cos.cols() > x.cols() / heads) {
            throw new TensorException("rope: cos %s turns %d numbers of each head; heads of x %s have %d"
                    .formatted(cos, 2 * cos.cols(), x, x.cols() / heads));
        }
    }

    static void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Attention.Shape shape) {
        sizes(shape);
        sequence(shape);
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

    static void causal(Tensor o, Tensor q, Tensor kv, Tensor kRope, int start, Attention.Shape shape) {
        sizes(shape);
        if (start < 0) throw new TensorException("causal: start is %d; positions begin at 0".formatted(start));
        int rows = q.rows();
        matrix("o", o, rows, shape.heads() * shape.valueDim());
        matrix("q", q, rows, shape.heads() * shape.keyDim());
        matrix("kv", kv, start + rows, shape.heads() * shape.kvDim());
        matrix("kRope", kRope, start + rows, shape.ropeDim());
    }

    static void append(LatentPages[] sequences, Tensor positions, Tensor cKv, Tensor kRope) {
        int rows = cKv.rows();
        matrix("cKv", cKv, rows, cKv.cols());
        matrix("kRope", kRope, rows, kRope.cols());
        cached("append", sequences, positions, rows);
        for (int r = 0; r < rows; r++) {
            page("append", sequences[r], position(positions, r) / sequences[r].pageSize(), cKv.cols() + kRope.cols());
        }
    }

    static void cached(Tensor latent, Tensor rope, LatentPages sequence) {
        int positions = latent.rows();
        matrix("latent", latent, positions, latent.cols());
        matrix("rope", rope, positions, rope.cols());
        if (positions > capacity("cached", sequence)) {
            throw new TensorException("cached: latent is %s; the sequence has %d pages of %d positions"
                    .formatted(latent, sequence.pages(), sequence.pageSize()));
        }
        pages("cached", sequence, positions, latent.cols() + rope.cols());
    }

    static void absorbed(
            Tensor o, Tensor q, Weight kvB, LatentPages[] sequences, Tensor positions, Attention.Shape shape) {
        sizes(shape);
        int rows = q.rows();
        matrix("o", o, rows, shape.heads() * shape.valueDim());
        matrix("q", q, rows, shape.heads() * shape.keyDim());
        weight(kvB, shape.heads() * shape.kvDim());
        cached("absorbed", sequences, positions, rows);
        for (int r = 0; r < rows; r++) {
            pages("absorbed", sequences[r], position(positions, r) + 1, kvB.k() + shape.ropeDim());
        }
    }

    private static void weight(Weight kvB, int n) {
        Tensor value = kvB.value();
        boolean stored = switch (value.dtype()) {
            case F32, BF16 -> true;
            case F8_E4M3 -> kvB.blocks() != null;
            default -> false;
        };
        if (!stored || value.place() == Place.DEVICE || kvB.n() != n) {
            throw new TensorException(
                    "absorbed: kvB is %s; asked for is [%d, latent] in host memory, f32, bf16 or fp8 with scales"
                            .formatted(value, n));
        }
    }

    /** Each row has a sequence and a position in its pages. */
    private static void cached(String verb, LatentPages[] sequences, Tensor positions, int rows) {
        Demand.vector(verb, "positions", positions, DType.I32, rows);
        if (sequences.length < rows) {
            throw new TensorException("%s: %d rows, but only %d sequences".formatted(verb, rows, sequences.length));
        }
        for (int r = 0; r < rows; r++) {
            int position = position(positions, r);
            if (position < 0 || position >= capacity(verb, sequences[r])) {
                throw new TensorException("%s: row %d has position %d; its sequence has %d pages of %d positions"
                        .formatted(verb, r, position, sequences[r].pages(), sequences[r].pageSize()));
            }
        }
    }

    private static long capacity(String verb, LatentPages sequence) {
        if (sequence.pageSize() < 1 || sequence.pageSize() % LatentAttention.BLOCK != 0) {
            throw new TensorException("%s: pages of %d positions; a page has a multiple of %d"
                    .formatted(verb, sequence.pageSize(), LatentAttention.BLOCK));
        }
        return (long) sequence.pages() * sequence.pageSize();
    }

    /** The pages of the first positions. */
    private static void pages(String verb, LatentPages sequence, int positions, int width) {
        for (int i = 0; i < Math.ceilDiv(positions, sequence.pageSize()); i++) page(verb, sequence, i, width);
    }

    private static void page(String verb, LatentPages sequence, int index, int width) {
        Tensor page = sequence.page(index);
        boolean real = page.dtype() == DType.F32 || page.dtype() == DType.BF16;
        if (!real || page.place() == Place.DEVICE || page.rows() != sequence.pageSize() || page.cols() != width) {
            throw new TensorException("%s: page %d is %s; asked for is f32 or bf16 [%d, %d] in host memory"
                    .formatted(verb, index, page, sequence.pageSize(), width));
        }
    }

    private static int position(Tensor positions, int row) {
        return positions.data().getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, row);
    }

    static void causalGrad(Tensor dq, Tensor dkv, Tensor dkRope, Tensor dO, int rows, Attention.Shape shape) {
        matrix("dq", dq, rows, shape.heads() * shape.keyDim());
        matrix("dkv", dkv, rows, shape.heads() * shape.kvDim());
        matrix("dkRope", dkRope, rows, shape.ropeDim());
        matrix("dO", dO, rows, shape.heads() * shape.valueDim());
    }

    static void sizes(Attention.Shape shape) {
        if (shape.heads() < 1 || shape.nopeDim() < 1 || shape.ropeDim() < 1 || shape.valueDim() < 1) {
            throw new TensorException(shape + ": all sizes must be positive");
        }
        if (!(shape.scale() > 0) || shape.scale() == Float.POSITIVE_INFINITY) {
            throw new TensorException(shape + ": the scale must be positive and finite");
        }
    }

    static void sequence(Attention.Shape shape) {
        if (shape.sequence() < 1) throw new TensorException(shape + ": a sequence has at least one row");
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
