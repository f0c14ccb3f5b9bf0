package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CrossEntropyTest extends ElementwiseFixture {
    @ParameterizedTest
    @CsvSource({
        "1,2,1,0",
        "3,2,7,0",
        "4,3,8,2",
        "2,1,15,0",
        "2,2,17,0",
        "4,33,256,0",
        "3,1,2047,1",
        "2,2,2048,0",
        "1,3,2049,0",
        "2,2,8192,3",
        "1,2,129280,0"
    })
    void equalsItsReference(int sequences, int length, int vocabulary, int gap) {
        int rows = sequences * length;
        Tensor logits = matrix(rows, vocabulary, gap);
        for (long i = 0; i < logits.count(); i++) logits.set(i, 3 * logits.get(i) + 20);
        Tensor exactLogits = twin(logits);
        Tensor targets = ids(sequences, length, vocabulary);
        Tensor losses = vector(rows);
        Tensor exactLosses = twin(losses);
        float factor = 0.37f;
        cpu.crossEntropy(losses, logits, targets, factor);
        REFERENCE.crossEntropy(exactLosses, exactLogits, targets, factor);
        assertClose(losses, exactLosses, 5e-7);
        assertClose(logits, exactLogits, 1e-7);
        for (int r = 0; r < rows; r++) {
            double sum = 0;
            for (int c = 0; c < vocabulary; c++) sum += logits.get(r, c);
            assertThat(sum).as("gradients of a row cancel").isEqualTo(0, within(1e-6));
        }
    }

    @Test
    void withoutAFactorTheLogitsStay() {
        Tensor logits = matrix(5, 100, 1);
        Tensor before = copy(logits);
        Tensor targets = ids(5, 1, 100);
        Tensor losses = vector(5);
        Tensor sameLosses = vector(5);
        cpu.crossEntropy(losses, logits, targets, 0);
        assertSame(logits, before);
        cpu.crossEntropy(sameLosses, logits, targets, 1);
        assertSame(sameLosses, losses);
    }

    @Test
    void farApartLogitsNeitherOverflowNorVanish() {
        Tensor logits = matrix(3, 5_000, 0);
        for (int i = 0; i < 2_500; i++) logits.set(0, i, Double.NEGATIVE_INFINITY); // a whole block and more
        logits.set(1, 4_321, 3e38);
        logits.set(2, 7, -3e38);
        Tensor targets = ids(1, 3, 1);
        targets.set(0, 0, 3_000);
        targets.set(0, 1, 4_321);
        targets.set(0, 2, 7);
        Tensor losses = vector(3);
        Tensor exact = twin(losses);
        REFERENCE.crossEntropy(exact, twin(logits), targets, 1);
        cpu.crossEntropy(losses, logits, targets, 1);
        assertClose(losses, exact, 1e-6);
        assertThat(losses.get(1)).isZero();
        assertThat(logits.get(0, 0)).isZero();
        assertThat(logits.get(2, 7)).isEqualTo(-1);
    }

    @Test
    void aNaNSpoilsItsRowOnly() {
        Tensor logits = matrix(3, 3_000, 0);
        logits.set(1, 2_999, Double.NaN);
        Tensor losses = vector(3);
        cpu.crossEntropy(losses, logits, ids(1, 3, 3_000), 1);
        assertThat(losses.get(1)).isNaN();
        assertThat(logits.get(1, 0)).isNaN();
        assertThat(losses.get(0) + losses.get(2)).isFinite();
    }
}
