package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** elementwise.cu against the formulas in double. */
class CudaElementwiseTest extends CudaFixture {
    CudaElementwiseTest() {
        super("elementwise");
    }

    @ParameterizedTest
    @CsvSource({"1, 0, 3, 4, WRITE", "5, 1, 4, 3, ADD", "300, 0, 2, 2, ADD", "1030, 4, 1, 2, WRITE"})
    void sequenceRows(int dim, int gap, int yPeriod, int xPeriod, Accumulate mode) {
        int sequences = 3;
        Tensor y = matrix(sequences * yPeriod, dim, gap), x = matrix(sequences * xPeriod, dim, gap);
        Tensor expected = twin(y);
        REFERENCE.sequenceRows(expected, yPeriod, twin(x), xPeriod, mode);
        int blocks = sequences * Math.min(yPeriod, xPeriod);
        launch(
                "sequence_rows",
                blocks(blocks, 1),
                rows(y),
                yPeriod,
                rows(x),
                xPeriod,
                dim,
                mode == Accumulate.ADD ? 1 : 0);
        assertClose(y, expected, 2e-7);
    }

    @Test
    void scales() {
        Tensor x = matrix(3, 37, 1), expected = twin(x);
        for (long i = 0; i < expected.count(); i++) expected.set(i, expected.get(i) * -2.5);
        launch("scale_rows", blocks(3, 1), rows(x), rows(x), 37, -2.5f);
        assertClose(x, expected, 1e-7);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void convertsToBf16AndBackAsTheCpuDoes(int gap) {
        int dim = 1021, padded = 1024;
        Tensor x = matrix(2, dim, gap), back = matrix(2, dim, gap);
        for (int c = 0; c < dim; c++) { // all exponents, ties, infinities and NaN
            x.data().set(JAVA_FLOAT, 4L * c, Float.intBitsToFloat(c * 4_206_592 | (c & 3) << 15));
        }
        Tensor y = Tensor.zeros(arena, DType.BF16, 2, padded);
        launch("f32_to_bf16", blocks(2, 1), rows(y), rows(x), dim, padded);
        launch("bf16_to_f32", blocks(2, 1), rows(back), rows(y), dim);
        for (int r = 0; r < 2; r++) {
            for (int c = 0; c < padded; c++) {
                short code = y.data().getAtIndex(JAVA_SHORT, (long) r * padded + c);
                short expected = c < dim ? Bf16.encode((float) x.get(r, c)) : 0;
                if (c < dim && Double.isNaN(x.get(r, c))) {
                    assertThat(back.get(r, c)).isNaN();
                } else {
                    assertThat(code)
                            .as("%d, %d: %s", r, c, c < dim ? x.get(r, c) : 0)
                            .isEqualTo(expected);
                    if (c < dim) assertThat((float) back.get(r, c)).isEqualTo(Bf16.decode(code));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "7, 1", "256, 0", "1027, 4"})
    void swiGlu(int dim, int gap) {
        Tensor h = matrix(3, dim, gap), gate = matrix(3, dim, gap), up = matrix(3, dim, gap), dh = matrix(3, dim, gap);
        for (int c = 0; c < dim; c++) gate.set(0, c, 30 * gate.get(0, c)); // far out too
        gate.set(1, 0, -200); // e^200 is no float
        Tensor expected = twin(h), dGate = matrix(3, dim, gap), dUp = matrix(3, dim, 1);
        REFERENCE.swiGlu(expected, twin(gate), twin(up));
        launch("swiglu", blocks(3, 1), rows(h), rows(gate), rows(up), dim);
        assertClose(h, expected, 3e-6);
        Tensor dGateTwin = twin(dGate), dUpTwin = twin(dUp);
        REFERENCE.swiGluGrad(dGateTwin, dUpTwin, twin(dh), twin(gate), twin(up));
        launch("swiglu_grad", blocks(3, 1), rows(dGate), rows(dUp), rows(dh), rows(gate), rows(up), dim);
        assertClose(dGate, dGateTwin, 1e-5);
        assertClose(dUp, dUpTwin, 3e-6);
        launch("swiglu_grad", blocks(3, 1), rows(gate), rows(up), rows(dh), rows(gate), rows(up), dim); // in place
        assertSame(gate, dGate);
        assertSame(up, dUp);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 12, 300})
    void embedding(int dim) {
        Tensor ids = ids(3, 5, 9), table = matrix(9, dim, 1), y = matrix(15, dim, 0), expected = twin(y);
        REFERENCE.embedding(expected, twin(table), ids);
        launch("embedding_f32", blocks(15, 1), rows(y), rows(table), ids, 5, ids.rowStride(), dim);
        assertClose(y, expected, 0);
        Tensor halves = Tensor.zeros(arena, DType.BF16, 9, dim);
        for (int r = 0; r < 9; r++)
            Bf16.encode(halves.data(), 2L * r * dim, table.data(), 4 * r * table.rowStride(), dim);
        launch("embedding_bf16", blocks(15, 1), rows(y), rows(halves), ids, 5, ids.rowStride(), dim);
        for (int r = 0; r < 15; r++) {
            for (int c = 0; c < dim; c++) assertThat(y.get(r, c)).isEqualTo(halves.get((long) ids.get(r), c));
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 3", "3, 5, 300", "2, 300, 7"})
    void embeddingGradAddsInTheOrderOfRows(int sequences, int length, int dim) {
        Tensor ids = ids(sequences, length, 9), dy = matrix(sequences * length, dim, 1), dTable = matrix(9, dim, 2);
        Tensor expected = copy(dTable);
        REFERENCE.embeddingGrad(expected, dy, ids); // in f32, the same sums in the same order
        launch(
                "embedding_grad",
                blocks(sequences * length, 1),
                rows(dTable),
                rows(dy),
                ids,
                length,
                ids.rowStride(),
                sequences * length,
                dim);
        assertSame(dTable, expected);
    }
}
