package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

/** The reference's gradients against central differences in double, of {@code loss = Σ dy · y}. */
class ReferenceElementwiseTest extends ElementwiseFixture {
    @Test
    void rmsNorm() {
        Tensor x = twin(matrix(3, 5, 0));
        Tensor gain = twin(vector(5));
        Tensor dy = twin(matrix(3, 5, 0));
        Tensor y = zeros(3, 5);
        Tensor rstd = zeros(3);
        DoubleSupplier loss = () -> {
            REFERENCE.rmsNorm(y, rstd, x, gain, 1e-2f);
            return dot(dy, y);
        };
        loss.getAsDouble();
        Tensor dx = zeros(3, 5);
        Tensor dGain = zeros(5);
        REFERENCE.rmsNormInputGrad(dx, dy, x, rstd, gain, Accumulate.WRITE);
        REFERENCE.rmsNormGainGrad(dGain, dy, x, rstd);
        assertDerivative(dx, x, loss);
        assertDerivative(dGain, gain, loss);
    }

    @Test
    void swiGlu() {
        Tensor gate = twin(matrix(3, 5, 0));
        Tensor up = twin(matrix(3, 5, 0));
        Tensor dh = twin(matrix(3, 5, 0));
        Tensor h = zeros(3, 5);
        DoubleSupplier loss = () -> {
            REFERENCE.swiGlu(h, gate, up);
            return dot(dh, h);
        };
        Tensor dGate = zeros(3, 5);
        Tensor dUp = zeros(3, 5);
        REFERENCE.swiGluGrad(dGate, dUp, dh, gate, up);
        assertDerivative(dGate, gate, loss);
        assertDerivative(dUp, up, loss);
    }

    @Test
    void embedding() {
        Tensor table = twin(matrix(4, 3, 0));
        Tensor ids = ids(2, 5, 4);
        Tensor dy = twin(matrix(10, 3, 0));
        Tensor y = zeros(10, 3);
        Tensor dTable = zeros(4, 3);
        REFERENCE.embeddingGrad(dTable, dy, ids);
        assertDerivative(dTable, table, () -> {
            REFERENCE.embedding(y, table, ids);
            return dot(dy, y);
        });
    }

    @Test
    void crossEntropy() {
        Tensor logits = twin(matrix(4, 7, 0));
        Tensor targets = ids(2, 2, 7);
        Tensor losses = zeros(4);
        Tensor dLogits = copy(logits);
        REFERENCE.crossEntropy(losses, dLogits, targets, 0.25f);
        assertDerivative(dLogits, logits, () -> {
            REFERENCE.crossEntropy(losses, logits, targets, 0);
            return 0.25 * REFERENCE.sum(losses);
        });
    }

    private Tensor zeros(long... shape) {
        return Tensor.zeros(arena, DType.F64, shape);
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (long i = 0; i < a.count(); i++) sum += a.get(i) * b.get(i);
        return sum;
    }

    private static void assertDerivative(Tensor gradient, Tensor of, DoubleSupplier loss) {
        double h = 1e-5;
        for (long i = 0; i < of.count(); i++) {
            double at = of.get(i);
            of.set(i, at + h);
            double above = loss.getAsDouble();
            of.set(i, at - h);
            double below = loss.getAsDouble();
            of.set(i, at);
            assertThat(gradient.get(i)).as("derivative %d", i).isEqualTo((above - below) / (2 * h), within(1e-8));
        }
    }
}
