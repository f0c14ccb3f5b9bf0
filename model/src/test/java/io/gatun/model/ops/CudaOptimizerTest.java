package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** optimizer.cu against the formulas in double and the CPU's kernel. */
class CudaOptimizerTest extends CudaFixture {
    CudaOptimizerTest() {
        super("optimizer");
    }

    private void update(String kernel, Tensor w, Tensor grad, Tensor m, Tensor v, Elementwise.AdamW step) {
        launch(
                kernel,
                blocks((int) Math.ceilDiv(w.count(), 1024), 1),
                w,
                grad,
                m,
                v,
                w.count(),
                (float) (-step.learningRate * step.weightDecay),
                (float) (-step.learningRate / (1 - Math.pow(step.beta1, step.step))),
                (float) (1 / Math.sqrt(1 - Math.pow(step.beta2, step.step))),
                (float) step.beta1,
                (float) ((1 - step.beta1) * step.gradFactor),
                (float) step.beta2,
                (float) (1 - step.beta2),
                (float) step.eps,
                (float) step.gradFactor);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 255, 1024, 1025, 5000})
    void fiveSteps(int count) {
        Tensor w = vector(count), m = Tensor.zeros(arena, DType.F32, count), v = Tensor.zeros(arena, DType.F32, count);
        Tensor exactW = twin(w), exactM = twin(m), exactV = twin(v);
        var step = new Elementwise.AdamW();
        step.learningRate = 1e-3;
        for (step.step = 1; step.step <= 5; step.step++) {
            Tensor grad = vector(count);
            step.gradFactor = 0.3 * step.step;
            update("adamw", w, grad, m, v, step);
            REFERENCE.adamW(exactW, twin(grad), exactM, exactV, step);
            assertClose(w, exactW, 3e-7);
            assertClose(m, exactM, 3e-7);
            assertClose(v, exactV, 3e-7);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 33, 1500})
    void momentsInBf16AreThoseOfTheCpu(int count) {
        Tensor w = vector(count),
                m = Tensor.zeros(arena, DType.BF16, count),
                v = Tensor.zeros(arena, DType.BF16, count);
        Tensor cpuW = copy(w),
                cpuM = Tensor.zeros(arena, DType.BF16, count),
                cpuV = Tensor.zeros(arena, DType.BF16, count);
        var step = new Elementwise.AdamW();
        step.learningRate = 1e-2;
        for (step.step = 1; step.step <= 3; step.step++) {
            Tensor grad = vector(count);
            update("adamw_bf16", w, grad, m, v, step);
            cpu.adamW(cpuW, grad, cpuM, cpuV, step);
            assertSame(w, cpuW); // no product is fused here, so the same operations give the same bits
            assertSame(m, cpuM);
            assertSame(v, cpuV);
        }
    }

    private double sum(Tensor x, long stride, int rows, int cols, long count, boolean squares) {
        MemorySegment partial = arena.allocate(JAVA_DOUBLE, rows), total = arena.allocate(JAVA_DOUBLE);
        launch("partial_sums", blocks(rows, 1), partial, x, stride, cols, count, squares ? 1 : 0);
        launch("total_sum", blocks(1, 1), total, partial, rows, 0);
        double once = total.get(JAVA_DOUBLE, 0);
        launch("total_sum", blocks(1, 1), total, partial, rows, 1);
        assertThat(total.get(JAVA_DOUBLE, 0)).isEqualTo(2 * once);
        return once;
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "3, 300", "300, 7"})
    void sumsOfMatrices(int rows, int cols) {
        Tensor x = matrix(rows, cols, 1), twin = twin(x);
        double scale = rows * cols;
        assertThat(sum(x, x.rowStride(), rows, cols, (long) rows * cols, false))
                .isCloseTo(REFERENCE.sum(twin), within(scale));
        assertThat(sum(x, x.rowStride(), rows, cols, (long) rows * cols, true))
                .isCloseTo(REFERENCE.sumOfSquares(twin), within(scale));
    }

    private static org.assertj.core.data.Offset<Double> within(double scale) {
        return org.assertj.core.api.Assertions.within(1e-13 * scale);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16_384, 40_000})
    void sumsOfFlatRanges(int count) {
        Tensor x = vector(count);
        double sum = sum(x, 16_384, Math.ceilDiv(count, 16_384), 16_384, count, true);
        assertThat(sum).isCloseTo(REFERENCE.sumOfSquares(twin(x)), within(count));
    }

    @Test
    void biasFollowsTheLoad() {
        int experts = 300;
        Tensor bias = vector(experts), before = copy(bias), offsets = Tensor.zeros(arena, DType.I32, experts + 1);
        MemorySegment counts = arena.allocate(JAVA_LONG, experts);
        for (int e = 0; e < experts; e++) offsets.set(e + 1, offsets.get(e) + (e < 2 ? 5 : 4 + e % 2 * 2));
        for (int batch = 1; batch <= 2; batch++) launch("add_load", blocks(2, 1), counts, offsets, experts);
        launch("bias_update", blocks(2, 1), bias, counts, experts, 1e-3);
        double sum = 0;
        for (int e = 0; e < experts; e++) {
            long expected = 2 * (long) (offsets.get(e + 1) - offsets.get(e));
            assertThat(counts.getAtIndex(JAVA_LONG, e)).isEqualTo(expected);
            sum += expected;
        }
        for (int e = 0; e < experts; e++) {
            double sign = Math.signum(sum / experts - counts.getAtIndex(JAVA_LONG, e));
            assertThat((float) bias.get(e)).isEqualTo((float) (before.get(e) + 1e-3 * sign));
        }
    }
}
