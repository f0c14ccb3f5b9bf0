package io.gatun.model.ops;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/** Random operands and results of one attention call, in one element type; rows are strided, with NaN in the gaps. */
final class AttentionCase {
    final Attention.Shape shape;
    final int rows;
    final Tensor q, kv, kRope, dO, o, logSumExp, dq, dkv, dkRope;
    private final Arena arena = Arena.ofAuto();
    private final DType dtype;

    AttentionCase(DType dtype, Attention.Shape shape, int sequences, long seed) {
        Random random = new Random(seed);
        this.shape = shape;
        this.dtype = dtype;
        rows = sequences * shape.sequence();
        q = filled(random, rows, shape.heads() * shape.keyDim());
        kv = filled(random, rows, shape.heads() * shape.kvDim());
        kRope = filled(random, rows, shape.ropeDim());
        dO = filled(random, rows, shape.heads() * shape.valueDim());
        o = strided(rows, shape.heads() * shape.valueDim());
        logSumExp = strided(shape.heads(), rows);
        dq = strided(rows, q.cols());
        dkv = strided(rows, kv.cols());
        dkRope = strided(rows, shape.ropeDim());
    }

    void forward(Attention attention) {
        attention.causal(o, logSumExp, q, kv, kRope, shape);
    }

    void backward(Attention attention) {
        attention.causalGrad(dq, dkv, dkRope, dO, o, logSumExp, q, kv, kRope, shape);
    }

    /** Numbers rounded to float, so that cases of both element types hold the same. */
    Tensor filled(Random random, int rows, int cols) {
        Tensor tensor = strided(rows, cols);
        for (long i = 0; i < tensor.count(); i++) tensor.set(i, (float) random.nextGaussian());
        return tensor;
    }

    Tensor strided(int rows, int cols) {
        Tensor wide = Tensor.zeros(arena, dtype, rows, cols + 3);
        for (long i = 0; i < wide.count(); i++) wide.set(i, Double.NaN);
        return wide.columns(2, cols + 2);
    }
}
