package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.kernels.Bf16;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdamWTest extends ElementwiseFixture {
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 9, 31, 1_000, 16_384, 16_385, 50_000})
    void fiveStepsEqualTheReference(int count) {
        Tensor w = vector(count);
        Tensor m = Tensor.zeros(arena, DType.F32, count);
        Tensor v = Tensor.zeros(arena, DType.F32, count);
        Tensor exactW = twin(w);
        Tensor exactM = twin(m);
        Tensor exactV = twin(v);
        var step = new Elementwise.AdamW();
        step.learningRate = 1e-3;
        for (step.step = 1; step.step <= 5; step.step++) {
            Tensor grad = vector(count);
            step.gradFactor = 0.3 * step.step;
            cpu.adamW(w, grad, m, v, step);
            REFERENCE.adamW(exactW, twin(grad), exactM, exactV, step);
            assertClose(w, exactW, 3e-7);
            assertClose(m, exactM, 3e-7);
            assertClose(v, exactV, 3e-7);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8, 33, 16_390})
    void momentsInBf16AreRoundedAfterTheUpdate(int count) {
        Tensor w = vector(count);
        Tensor m = Tensor.zeros(arena, DType.BF16, count);
        Tensor v = Tensor.zeros(arena, DType.BF16, count);
        var step = new Elementwise.AdamW();
        step.learningRate = 1e-2;
        for (step.step = 1; step.step <= 3; step.step++) {
            Tensor grad = vector(count);
            Tensor exactW = twin(w);
            Tensor exactM = twin(m); // the update of the stored moments, before it is rounded
            Tensor exactV = twin(v);
            cpu.adamW(w, grad, m, v, step);
            REFERENCE.adamW(exactW, twin(grad), exactM, exactV, step);
            assertClose(w, exactW, 3e-7);
            for (long i = 0; i < count; i++) {
                assertNearestBf16(m, i, exactM.get(i));
                assertNearestBf16(v, i, exactV.get(i));
            }
        }
    }

    /** Half a unit in the last place of BF16's eight bits; the float error of the update itself hardly adds to it. */
    private static void assertNearestBf16(Tensor moments, long i, double exact) {
        assertThat(moments.get(i)).isEqualTo(exact, within(Math.abs(exact) * 1.0001 / 256 + 1e-7));
        float kept = Bf16.decode(moments.data().getAtIndex(JAVA_SHORT, i));
        assertThat(moments.get(i)).isEqualTo(kept);
    }

    @Test
    void decayIsDecoupledAndExact() {
        Tensor w = Tensor.zeros(arena, DType.F32, 20);
        for (int i = 0; i < 20; i++) w.set(i, 1);
        Tensor zero = Tensor.zeros(arena, DType.F32, 20);
        var step = new Elementwise.AdamW();
        step.learningRate = 2.2e-4;
        for (step.step = 1; step.step <= 1_000; step.step++) {
            cpu.adamW(w, zero, Tensor.zeros(arena, DType.F32, 20), Tensor.zeros(arena, DType.F32, 20), step);
        }
        double expected = Math.pow(1 - 2.2e-5, 1_000);
        assertThat(w.get(0)).isEqualTo(expected, within(3e-5));
        assertThat(w.get(19)).isEqualTo(w.get(0));
    }
}
