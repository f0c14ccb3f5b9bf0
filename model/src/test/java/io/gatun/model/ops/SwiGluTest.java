package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SwiGluTest extends ElementwiseFixture {
    @ParameterizedTest
    @CsvSource({"1,1,0", "3,7,2", "5,8,0", "2,9,0", "4,16,1", "3,17,0", "7,33,5", "300,65,0", "70,576,64", "3,18432,0"})
    void equalsItsReference(int rows, int dim, int gap) {
        Tensor gate = matrix(rows, dim, gap);
        for (int i = 0; i < rows * dim; i += 3) gate.set(i, 12 * gate.get(i));
        Tensor up = matrix(rows, dim, 0);
        Tensor h = matrix(rows, dim, gap);
        Tensor exactH = twin(h);
        cpu.swiGlu(h, gate, up);
        REFERENCE.swiGlu(exactH, twin(gate), twin(up));
        assertClose(h, exactH, 1e-6);

        Tensor dh = matrix(rows, dim, gap);
        Tensor dGate = matrix(rows, dim, gap);
        Tensor dUp = matrix(rows, dim, 0);
        Tensor exactDGate = twin(dGate);
        Tensor exactDUp = twin(dUp);
        cpu.swiGluGrad(dGate, dUp, dh, gate, up);
        REFERENCE.swiGluGrad(exactDGate, exactDUp, twin(dh), twin(gate), twin(up));
        assertClose(dGate, exactDGate, 3e-6);
        assertClose(dUp, exactDUp, 3e-6);

        Tensor gradOfGate = copy(gate);
        Tensor gradOfUp = copy(up);
        cpu.swiGluGrad(gradOfGate, gradOfUp, dh, gradOfGate, gradOfUp);
        assertSame(gradOfGate, dGate);
        assertSame(gradOfUp, dUp);
    }

    @Test
    void saturates() {
        float[] gates = {100, -100, 1000, -1000, 3e38f, -3e38f, 0, -0f, 88, -88, -87, Float.MIN_VALUE};
        Tensor gate = Tensor.zeros(arena, DType.F32, 1, gates.length);
        for (int i = 0; i < gates.length; i++) gate.set(i, gates[i]);
        Tensor ones = Tensor.zeros(arena, DType.F32, 1, gates.length);
        for (int i = 0; i < gates.length; i++) ones.set(i, 1);
        Tensor h = copy(gate);
        Tensor dGate = copy(gate);
        Tensor dUp = copy(gate);
        cpu.swiGlu(h, gate, ones);
        cpu.swiGluGrad(dGate, dUp, ones, gate, ones);
        for (int i = 0; i < gates.length; i++) {
            double exact = gates[i] > 0 ? gates[i] : 0;
            assertThat(h.get(i)).as("silu(%s)", gates[i]).isBetween(exact - 1e-35, exact + 1e-35);
            assertThat(dUp.get(i)).as("dUp at %s", gates[i]).isBetween(exact - 1e-35, exact + 1e-35);
            double slope = gates[i] * gates[i] < 1 ? 0.5 : gates[i] > 0 ? 1 : 0;
            assertThat(dGate.get(i)).as("silu'(%s)", gates[i]).isBetween(slope - 1e-35, slope + 1e-35);
        }
    }

    @Test
    void aNaNComesOutWhereItWentIn() {
        for (int at : new int[] {2, 18}) { // in a vector, in the tail
            Tensor gate = matrix(1, 19, 0);
            gate.set(at, Double.NaN);
            Tensor h = matrix(1, 19, 0);
            Tensor dGate = matrix(1, 19, 0);
            Tensor dUp = matrix(1, 19, 0);
            cpu.swiGlu(h, gate, matrix(1, 19, 0));
            cpu.swiGluGrad(dGate, dUp, matrix(1, 19, 0), gate, matrix(1, 19, 0));
            for (Tensor out : new Tensor[] {h, dGate, dUp}) {
                for (int i = 0; i < 19; i++)
                    assertThat(Double.isNaN(out.get(i))).isEqualTo(i == at);
            }
        }
    }
}
