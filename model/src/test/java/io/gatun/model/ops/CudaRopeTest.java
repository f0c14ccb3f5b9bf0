package io.gatun.model.ops;

import io.gatun.model.ops.Attention.Rotation;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** rope.cu against the formula in double. */
class CudaRopeTest extends CudaFixture {
    private static final Attention ATTENTION = new ReferenceAttention();

    CudaRopeTest() {
        super("rope");
    }

    @ParameterizedTest
    @CsvSource({"1, 2, 1, FORWARD", "3, 9, 4, BACKWARD", "17, 48, 16, FORWARD"})
    void turnsTheEndOfEveryHead(int heads, int headDim, int pairs, Rotation rotation) {
        int rows = 10, sequence = 5, start = 3;
        Tensor x = matrix(rows, heads * headDim, 1);
        Tensor cos = matrix(rows + start, pairs, 1), sin = matrix(rows + start, pairs, 2);
        Tensor positions = Tensor.zeros(arena, DType.I32, rows), expected = twin(x);
        for (int r = 0; r < rows; r++) positions.set(r, random.nextInt(rows + start));
        int blocks = Math.ceilDiv(heads * pairs, 256);
        float sign = rotation == Rotation.FORWARD ? 1 : -1;
        ATTENTION.rope(expected, heads, twin(cos), twin(sin), start, sequence, rotation);
        launch(
                "rope",
                blocks(rows, blocks),
                rows(x),
                rows(cos),
                rows(sin),
                null,
                start,
                sequence,
                heads,
                headDim,
                pairs,
                sign);
        assertClose(x, expected, 1e-6);
        expected = twin(x);
        ATTENTION.rope(expected, heads, twin(cos), twin(sin), positions, rotation);
        launch(
                "rope",
                blocks(rows, blocks),
                rows(x),
                rows(cos),
                rows(sin),
                positions,
                0,
                0,
                heads,
                headDim,
                pairs,
                sign);
        assertClose(x, expected, 1e-6);
    }
}
