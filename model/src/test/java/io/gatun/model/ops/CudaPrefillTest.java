package io.gatun.model.ops;

import io.gatun.model.ops.Attention.Shape;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** attention_prefill.cu against the formulas in double; rows are strided, with NaN between them. */
class CudaPrefillTest extends CudaFixture {
    private static final ReferenceAttention ATTENTION = new ReferenceAttention();

    CudaPrefillTest() {
        super("attention_prefill");
    }

    private void attend(
            Tensor o,
            Tensor logSumExp,
            Tensor q,
            Tensor kv,
            Tensor kRope,
            Shape s,
            int sequences,
            int queries,
            int start) {
        long keyStride = (s.keyDim() + 3) / 4 * 4 + 4, valueStride = (s.valueDim() + 3) / 4 * 4 + 4;
        launch(
                "causal_attention",
                blocks(Math.ceilDiv(queries, 64), s.heads(), sequences)
                        .of(256, 4 * (96 * keyStride + 32 * valueStride + 64 * 36)),
                rows(o),
                logSumExp,
                logSumExp == null ? 0L : logSumExp.rowStride(),
                rows(q),
                rows(kv),
                rows(kRope),
                queries,
                start,
                s.nopeDim(),
                s.ropeDim(),
                s.valueDim(),
                s.scale());
    }

    @ParameterizedTest
    @CsvSource({
        // sequences, sequence, heads, nope, rope, value
        "1, 1, 1, 1, 2, 1",
        "2, 31, 2, 5, 4, 7",
        "1, 33, 3, 16, 8, 12",
        "2, 64, 1, 9, 6, 65",
        "1, 150, 1, 32, 16, 32",
        "1, 70, 1, 128, 64, 128"
    })
    void wholeSequences(int sequences, int sequence, int heads, int nope, int rope, int value) {
        Shape shape = new Shape(heads, nope, rope, value, sequence, (float) (1 / Math.sqrt(nope + rope)));
        AttentionCase x = new AttentionCase(DType.F32, shape, sequences, 7);
        AttentionCase exact = new AttentionCase(DType.F64, shape, sequences, 7);
        exact.forward(ATTENTION);
        attend(x.o, x.logSumExp, x.q, x.kv, x.kRope, shape, sequences, sequence, 0);
        assertClose(x.o, exact.o, 3e-6);
        assertClose(x.logSumExp, exact.logSumExp, 3e-6);
    }

    @Test
    void chunksHaveTheBitsOfTheWhole() {
        int sequence = 130;
        Shape shape = new Shape(2, 8, 4, 10, sequence, 0.4f);
        AttentionCase x = new AttentionCase(DType.F32, shape, 1, 9);
        attend(x.o, null, x.q, x.kv, x.kRope, shape, 1, sequence, 0);
        Tensor whole = copy(x.o);
        for (int[] chunk : new int[][] {{0, 1}, {1, 40}, {41, 64}, {105, 25}}) {
            int start = chunk[0], queries = chunk[1], end = start + queries;
            Tensor o = x.o.slice(start, end), q = x.q.slice(start, end);
            for (long i = 0; i < o.count(); i++) o.set(i, Double.NaN);
            attend(o, null, q, x.kv.slice(0, end), x.kRope.slice(0, end), shape, 1, queries, start);
        }
        assertSame(x.o, whole);
    }

    @Test
    void largeScoresDoNotOverflow() {
        Shape shape = new Shape(1, 8, 4, 10, 70, 50);
        AttentionCase x = new AttentionCase(DType.F32, shape, 1, 9), exact = new AttentionCase(DType.F64, shape, 1, 9);
        exact.forward(ATTENTION);
        attend(x.o, x.logSumExp, x.q, x.kv, x.kRope, shape, 1, 70, 0);
        assertClose(x.o, exact.o, 1e-3); // scores of some hundred have errors of 1e-5
        assertClose(x.logSumExp, exact.logSumExp, 1e-6);
    }
}
