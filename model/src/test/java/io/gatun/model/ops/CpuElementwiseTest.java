package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.gatun.kernels.Accumulate;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What holds for every verb: the same bits for any number of threads, no garbage, errors before memory is touched. */
class CpuElementwiseTest extends ElementwiseFixture {
    private final Tensor x = matrix(150, 260, 3);
    private final Tensor dy = matrix(150, 260, 0);
    private final Tensor gain = vector(260);
    private final Tensor rstd = vector(150);
    private final Tensor y = matrix(150, 260, 1);
    private final Tensor other = matrix(150, 260, 0);
    private final Tensor added = matrix(150, 260, 0);
    private final Tensor shorter = added.slice(0, 90);
    private final Tensor sums = vector(260);
    private final Tensor table = matrix(260, 260, 0);
    private final Tensor ids = ids(3, 50, 260);
    private final Tensor losses = vector(150);
    private final Tensor moments = Tensor.zeros(arena, DType.F32, 150, 260);
    private final Tensor halves = Tensor.zeros(arena, DType.BF16, 150, 260);
    private final Tensor moreHalves = Tensor.zeros(arena, DType.BF16, 150, 260);
    private final Elementwise.AdamW step = new Elementwise.AdamW();
    private double total;

    private void everyVerb(Elementwise ops) {
        ops.rmsNorm(y, rstd, x, gain, 1e-6f);
        ops.rmsNormInputGrad(added, dy, x, rstd, gain, Accumulate.ADD);
        ops.rmsNormGainGrad(sums, dy, x, rstd);
        ops.swiGlu(other, y, dy);
        ops.swiGluGrad(y, other, dy, y, other);
        ops.assign(added, other, Accumulate.ADD);
        ops.sequenceRows(other, 50, shorter, 30, Accumulate.WRITE);
        ops.embedding(y, table, ids);
        ops.embeddingGrad(table, dy, ids);
        total = ops.sum(added) + ops.sumOfSquares(x);
        ops.crossEntropy(losses, y, ids, 0.1f);
        ops.adamW(other, dy, moments, added, step);
        ops.adamW(added, dy, halves, moreHalves, step);
    }

    @Test
    void sameBitsForAnyNumberOfThreads() {
        Tensor[] all = {y, rstd, other, added, sums, table, losses, moments, halves, moreHalves};
        Tensor[] before = Arrays.stream(all).map(this::copy).toArray(Tensor[]::new);
        Tensor[] first = null;
        double firstTotal = 0;
        for (int threads = 1; threads <= 3; threads++) {
            for (int i = 0; i < all.length; i++) all[i].copyFrom(before[i]);
            try (Team team = new Team(threads)) {
                everyVerb(new CpuElementwise(team));
            }
            if (first == null) {
                first = Arrays.stream(all).map(this::copy).toArray(Tensor[]::new);
                firstTotal = total;
            }
            for (int i = 0; i < all.length; i++) assertSame(all[i], first[i]);
            assertThat(total).isEqualTo(firstTotal);
        }
    }

    @Test
    @Tag("allocation")
    void warmCallsAllocateNothing() {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = -1;
        for (int block = 0; block < 200 && allocated != 0; block++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 10; i++) everyVerb(cpu);
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(allocated).isZero();
    }

    @Test
    void wrongShapesAreNamed() {
        assertThatThrownBy(() -> cpu.rmsNorm(y, rstd, x, vector(259), 1e-6f))
                .isInstanceOf(TensorException.class)
                .hasMessage("rmsNorm: gain is f32[259]; the other arguments ask for f32[260] without gaps");
        assertThatThrownBy(() -> cpu.rmsNormInputGrad(matrix(2, 3, 0), dy, x, rstd, gain, Accumulate.ADD))
                .hasMessage("rmsNormInputGrad: dx is f32[2, 3]; the other arguments ask for f32[150, 260]");
        assertThatThrownBy(() -> cpu.rmsNormGainGrad(gain, dy, x, vector(3))).hasMessageContaining("rstd is f32[3]");
        assertThatThrownBy(() -> cpu.swiGlu(other, x, twin(dy))).hasMessageContaining("swiGlu: up is f64[150, 260]");
        assertThatThrownBy(() -> cpu.swiGluGrad(y, other, matrix(150, 261, 0), x, dy))
                .hasMessageContaining("dh");
        assertThatThrownBy(() -> cpu.sequenceRows(y, 40, x, 50, Accumulate.WRITE))
                .hasMessage("sequenceRows: y is f32[150, 260]; its 150 rows are not whole sequences of 40");
        assertThatThrownBy(() -> cpu.sequenceRows(y, 75, x, 50, Accumulate.WRITE))
                .hasMessageContaining("2 sequences of 75 rows")
                .hasMessageContaining("3 of 50");
        assertThatThrownBy(() -> cpu.sequenceRows(y, 0, x, 50, Accumulate.WRITE))
                .hasMessageContaining("of 0");
        assertThatThrownBy(() -> cpu.adamW(other, dy, moments, halves, step)).hasMessageContaining("adamW: v is bf16");
        assertThatThrownBy(() -> cpu.adamW(x, dy, moments, moments, step)).hasMessageContaining("with gaps");
        assertThatThrownBy(() -> cpu.sum(ids)).hasMessageContaining("sum: x is i32");
        assertThatThrownBy(() -> cpu.sumOfSquares(halves)).hasMessageContaining("sumOfSquares: x is bf16");
    }

    @Test
    void stepsCountFromOne() {
        step.step = 0;
        assertThatThrownBy(() -> cpu.adamW(other, dy, moments, added, step)).hasMessageContaining("this is step 0");
    }

    @Test
    void idsOutsideTheVocabularyAreNamedBeforeAnythingIsWritten() {
        Tensor before = copy(table);
        ids.set(1, 7, 260);
        assertThatThrownBy(() -> cpu.embedding(y, table, ids))
                .isInstanceOf(TensorException.class)
                .hasMessage("embedding: ids[57] is 260; the vocabulary has 260 entries, from 0 on");
        assertThatThrownBy(() -> cpu.embeddingGrad(table, dy, ids))
                .hasMessageContaining("embeddingGrad: ids[57] is 260");
        ids.set(1, 7, -1);
        assertThatThrownBy(() -> cpu.crossEntropy(losses, table.slice(0, 150), ids, 1))
                .isInstanceOf(TensorException.class)
                .hasMessage("crossEntropy: targets[57] is -1; the vocabulary has 260 entries, from 0 on");
        assertSame(table, before);
        assertThatThrownBy(() -> cpu.embedding(y, table, ids.slice(0, 2)))
                .hasMessage("embedding: ids is i32[2, 50]; the other arguments ask for 150 of i32");
        assertThatThrownBy(() -> cpu.crossEntropy(losses, y, moments, 1)).hasMessageContaining("targets is f32");
    }
}
