package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** loss.cu against the formula in double. */
class CudaLossTest extends CudaFixture {
    CudaLossTest() {
        super("loss");
    }

    @ParameterizedTest
    @CsvSource({"1, 0, 1", "2, 1, 0.5", "97, 0, 0", "256, 4, 2", "5000, 1, 0.25"})
    void lossAndGradient(int vocabulary, int gap, float factor) {
        int sequences = 2, length = 3, rows = sequences * length;
        Tensor logits = matrix(rows, vocabulary, gap),
                losses = vector(rows),
                targets = ids(sequences, length, vocabulary);
        for (int c = 0; c < vocabulary; c++) logits.set(1, c, 100 * logits.get(1, c) + 300); // exp overflows
        Tensor expected = twin(logits), lossTwin = twin(losses);
        REFERENCE.crossEntropy(lossTwin, expected, targets, factor);
        launch(
                "cross_entropy",
                blocks(rows, 1),
                losses,
                rows(logits),
                targets,
                length,
                targets.rowStride(),
                vocabulary,
                factor);
        assertClose(losses, lossTwin, 1e-6);
        assertClose(logits, expected, 1e-6);
    }

    @Test
    void notANumberIsSeen() {
        Tensor logits = matrix(1, 300, 0), losses = vector(1), targets = ids(1, 1, 300);
        logits.set(0, 299, Double.NaN);
        launch("cross_entropy", blocks(1, 1), losses, rows(logits), targets, 1, targets.rowStride(), 300, 1f);
        assertThat(losses.get(0)).isNaN();
    }
}
