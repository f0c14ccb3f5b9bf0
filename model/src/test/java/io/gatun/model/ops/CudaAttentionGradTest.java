package io.gatun.model.ops;

import io.gatun.model.ops.Attention.Shape;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** attention_grad.cu against the formulas in double; rows are strided, with NaN between them. */
class CudaAttentionGradTest extends CudaFixture {
    private static final ReferenceAttention ATTENTION = new ReferenceAttention();

    CudaAttentionGradTest() {
        super("attention_grad");
    }

    private void backward(AttentionCase x) {
        Shape s = x.shape;
        int sequences = x.rows / s.sequence(), tiles = Math.ceilDiv(s.sequence(), 32);
        long keyStride = (s.keyDim() + 3) / 4 * 4 + 4, valueStride = (s.valueDim() + 3) / 4 * 4 + 4;
        long tileBytes = 4 * 32 * 2 * (keyStride + valueStride);
        Tensor delta = Tensor.zeros(arena, DType.F32, s.heads(), x.rows);
        Tensor dkRopes = Tensor.zeros(arena, DType.F32, s.heads(), (long) x.rows * s.ropeDim());
        launch(
                "attention_delta",
                blocks(x.rows, Math.ceilDiv(s.heads(), 8)),
                delta,
                rows(x.dO),
                rows(x.o),
                x.rows,
                s.heads(),
                s.valueDim());
        launch(
                "attention_grad_query",
                blocks(tiles, s.heads(), sequences).of(256, tileBytes + 4 * 32 * 36),
                rows(x.dq),
                rows(x.dO),
                delta,
                rows(x.logSumExp),
                rows(x.q),
                rows(x.kv),
                rows(x.kRope),
                s.sequence(),
                s.nopeDim(),
                s.ropeDim(),
                s.valueDim(),
                s.scale());
        launch(
                "attention_grad_key",
                blocks(tiles, s.heads(), sequences).of(256, tileBytes + 4 * 32 * 2 * 36),
                rows(x.dkv),
                dkRopes,
                rows(x.dO),
                delta,
                rows(x.logSumExp),
                rows(x.q),
                rows(x.kv),
                rows(x.kRope),
                s.sequence(),
                s.nopeDim(),
                s.ropeDim(),
                s.valueDim(),
                s.scale());
        int blocks = Math.ceilDiv(x.rows * s.ropeDim(), 256);
        launch("sum_heads", blocks(blocks, 1), rows(x.dkRope), dkRopes, s.heads(), x.rows, s.ropeDim());
    }

    @ParameterizedTest
    @CsvSource({
        // sequences, sequence, heads, nope, rope, value
        "1, 1, 1, 1, 2, 1",
        "2, 31, 2, 5, 4, 7",
        "1, 33, 9, 16, 8, 12",
        "3, 32, 1, 9, 6, 65",
        "1, 100, 1, 32, 16, 32",
        "1, 40, 1, 128, 64, 128"
    })
    void equalsItsReference(int sequences, int sequence, int heads, int nope, int rope, int value) {
        Shape shape = new Shape(heads, nope, rope, value, sequence, (float) (1 / Math.sqrt(nope + rope)));
        AttentionCase x = new AttentionCase(DType.F32, shape, sequences, 7);
        AttentionCase exact = new AttentionCase(DType.F64, shape, sequences, 7);
        exact.forward(ATTENTION);
        exact.backward(ATTENTION);
        x.o.copyFrom(exact.o);
        x.logSumExp.copyFrom(exact.logSumExp);
        backward(x);
        assertClose(x.dq, exact.dq, 1e-5);
        assertClose(x.dkv, exact.dkv, 1e-5);
        assertClose(x.dkRope, exact.dkRope, 2e-5);
    }
}
