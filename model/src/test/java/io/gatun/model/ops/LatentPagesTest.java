package io.gatun.model.ops;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.ops.Attention.Shape;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows written to pages and read back. */
class LatentPagesTest {
    private static final Team TEAM = new Team(2);
    private static final Attention FAST = CpuOps.on(TEAM).attention();
    private static final Attention PLAIN = new ReferenceAttention();
    private static final AttentionCase NUMBERS = new AttentionCase(DType.F32, new Shape(1, 1, 1, 1, 1, 1), 1, 0);

    @AfterAll
    static void endTheTeam() {
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 32, F32", "7, 2, 64, BF16", "33, 6, 32, BF16", "512, 64, 64, F32", "512, 64, 32, BF16"})
    void comesBackAsTheReferenceWroteIt(int latentDim, int ropeDim, int pageSize, DType type) {
        int rows = 100;
        LatentPages one = pages(type, pageSize, latentDim + ropeDim, 200),
                other = pages(type, pageSize, latentDim + ropeDim, 200);
        LatentPages[] sequences = new LatentPages[rows + 1], twins = new LatentPages[rows];
        LatentPages oneTwin = pages(type, pageSize, latentDim + ropeDim, 200);
        LatentPages otherTwin = pages(type, pageSize, latentDim + ropeDim, 200);
        Tensor positions = Tensor.zeros(Arena.ofAuto(), DType.I32, rows);
        for (int r = 0; r < rows; r++) {
            sequences[r] = r % 3 == 0 ? one : other;
            twins[r] = r % 3 == 0 ? oneTwin : otherTwin;
            positions.set(r, 17 + r * 13 % 101);
        }
        Tensor cKv = NUMBERS.filled(new Random(1), rows, latentDim),
                kRope = NUMBERS.filled(new Random(2), rows, ropeDim);
        FAST.append(sequences, positions, cKv, kRope);
        PLAIN.append(twins, positions, cKv, kRope);
        assertSame(one, oneTwin, latentDim, ropeDim);
        assertSame(other, otherTwin, latentDim, ropeDim);
    }

    private static void assertSame(LatentPages found, LatentPages expected, int latentDim, int ropeDim) {
        Tensor latent = NUMBERS.strided(130, latentDim), rope = NUMBERS.strided(130, ropeDim);
        Tensor latentTwin = NUMBERS.strided(130, latentDim), ropeTwin = NUMBERS.strided(130, ropeDim);
        FAST.cached(latent, rope, found);
        PLAIN.cached(latentTwin, ropeTwin, expected);
        assertClose("latent", latent, latentTwin, 0);
        assertClose("rope", rope, ropeTwin, 0);
    }

    private static LatentPages pages(DType type, int pageSize, int width, int positions) {
        Tensor[] pages = new Tensor[Math.ceilDiv(positions, pageSize)];
        for (int i = 0; i < pages.length; i++) pages[i] = Tensor.zeros(Arena.ofAuto(), type, pageSize, width);
        return new AbsorbedCase.Pages(pageSize, pages);
    }

    @Test
    void refusesWhatDoesNotFit() {
        LatentPages pages = pages(DType.BF16, 32, 10, 64);
        LatentPages[] sequences = {pages, pages};
        Tensor positions = Tensor.zeros(Arena.ofAuto(), DType.I32, 2);
        Tensor cKv = NUMBERS.strided(2, 8), kRope = NUMBERS.strided(2, 2);
        positions.set(1, 64);
        assertThatThrownBy(() -> FAST.append(sequences, positions, cKv, kRope))
                .isInstanceOf(TensorException.class)
                .hasMessage("append: row 1 has position 64; its sequence has 2 pages of 32 positions");
        positions.set(1, 63);
        assertThatThrownBy(() -> FAST.append(sequences, positions, cKv, cKv))
                .isInstanceOf(TensorException.class)
                .hasMessage("append: page 0 is bf16[32, 10]; asked for is f32 or bf16 [32, 16] in host memory");
        assertThatThrownBy(() -> FAST.append(sequences, positions.slice(0, 1), cKv, kRope))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("positions is i32[1]");
        assertThatThrownBy(() -> FAST.cached(NUMBERS.strided(65, 8), NUMBERS.strided(65, 2), pages))
                .isInstanceOf(TensorException.class)
                .hasMessage("cached: latent is f32[65, 8]; the sequence has 2 pages of 32 positions");
        assertThatThrownBy(() -> FAST.cached(NUMBERS.strided(64, 8), NUMBERS.strided(63, 2), pages))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("rope is f32[63, 2]");
    }
}
