package io.gatun.model.ops;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.DotLoops;
import io.gatun.model.ops.Attention.Shape;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Absorbed attention against pages: against its scalar twin, and what its bits may depend on. */
class CpuAbsorbedTest {
    private static final int[] BATCH = {70, 0, -1, 31, 32, 200, 63, 64, -6, -9, 5};
    private static final Team TEAM = new Team(2);
    private static final Attention FAST = CpuOps.on(TEAM).attention();
    private static final Attention VECTOR = CpuOps.on(TEAM, DotLoops.vector()).attention();
    private static final Attention PLAIN = new ReferenceAttention();

    @AfterAll
    static void endTheTeam() {
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({
        // heads, nope, rope, value, latent, page size, positions
        "1, 1, 2, 1, 1, 32, 0",
        "2, 3, 2, 5, 7, 32, 2",
        "3, 8, 4, 8, 33, 64, 31",
        "4, 32, 16, 32, 64, 32, 32",
        "5, 9, 6, 17, 40, 64, 33 0 95",
        "33, 5, 10, 6, 36, 32, 66 -1 -2",
        "8, 16, 8, 16, 96, 64, 257 -1 300",
        "16, 128, 64, 128, 512, 64, 100 127"
    })
    void equalsItsReference(int heads, int nope, int rope, int value, int latent, int pageSize, String positions) {
        Shape shape = new Shape(heads, nope, rope, value, 1, (float) (1 / Math.sqrt(nope + rope)));
        int[] rows =
                Arrays.stream(positions.split(" ")).mapToInt(Integer::parseInt).toArray();
        for (DType cache : new DType[] {DType.F32, DType.BF16}) {
            for (DType weight : new DType[] {DType.F32, DType.BF16, DType.F8_E4M3}) {
                AbsorbedCase fast = new AbsorbedCase(DType.F32, cache, weight, shape, latent, pageSize, rows);
                AbsorbedCase plain = new AbsorbedCase(DType.F64, cache, weight, shape, latent, pageSize, rows);
                plain.run(PLAIN);
                for (Attention attention : new Attention[] {FAST, VECTOR}) {
                    fast.run(attention);
                    String what = "o with " + cache + " pages, weight " + weight;
                    assertClose(what, fast.o, plain.o, 2e-6 * Math.sqrt(latent));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void bitsDependOnNeitherNeighboursNorPages(DType cache) {
        AbsorbedCase batch = batch(cache, 32);
        batch.run(FAST);
        for (int r = 0; r < BATCH.length; r++) {
            Tensor alone = Tensor.zeros(Arena.ofAuto(), DType.F32, 1, batch.o.cols());
            LatentPages[] sequence = {batch.sequences[r]};
            FAST.absorbed(
                    alone, batch.q.slice(r, r + 1), batch.kvB, sequence, batch.positions.slice(r, r + 1), batch.shape);
            assertClose("row " + r + " alone", alone, batch.o.slice(r, r + 1), 0);
        }
        AbsorbedCase wide = batch(cache, 64); // the same numbers come in the same order
        wide.run(FAST);
        assertClose("pages of 64", wide.o.slice(0, 1), batch.o.slice(0, 1), 0);
    }

    @Test
    void bitsDependOnNeitherThreadsNorPasses() {
        AbsorbedCase two = batch(DType.BF16, 32);
        two.run(FAST);
        for (int threads : new int[] {1, 3, 5}) {
            try (Team team = new Team(threads)) {
                AbsorbedCase other = batch(DType.BF16, 32);
                other.run(CpuOps.on(team).attention());
                assertClose(threads + " threads", other.o, two.o, 0);
            }
        }
        int[] rows = new int[150]; // more than one pass holds
        for (int r = 0; r < rows.length; r++) rows[r] = BATCH[0] + r % 3;
        AbsorbedCase many = new AbsorbedCase(DType.F32, DType.F32, DType.BF16, two.shape, 40, 32, rows);
        many.run(FAST);
        for (int r : new int[] {0, 63, 64, 127, 128, 149}) {
            Tensor alone = Tensor.zeros(Arena.ofAuto(), DType.F32, 1, many.o.cols());
            LatentPages[] sequence = {many.sequences[r]};
            FAST.absorbed(
                    alone, many.q.slice(r, r + 1), many.kvB, sequence, many.positions.slice(r, r + 1), many.shape);
            assertClose("row " + r, many.o.slice(r, r + 1), alone, 0);
        }
    }

    private static AbsorbedCase batch(DType cache, int pageSize) {
        Shape shape = new Shape(11, 9, 6, 17, 1, 0.25f);
        return new AbsorbedCase(DType.F32, cache, DType.BF16, shape, 40, pageSize, BATCH);
    }

    @Test
    void bothFormsAgree() { // keys and values made of the latent, as the model makes them
        Shape shape = new Shape(3, 10, 6, 12, 40, 0.25f);
        AbsorbedCase c = new AbsorbedCase(DType.F32, DType.F32, DType.F32, shape, 24, 32, new int[] {70});
        AttentionCase numbers = new AttentionCase(DType.F32, shape, 1, 0);
        Tensor latent = numbers.strided(71, 24), rope = numbers.strided(71, 6), kv = numbers.strided(71, 66);
        FAST.cached(latent, rope, c.caches[0]);
        for (int r = 0; r < 71; r++) {
            for (int i = 0; i < 66; i++) {
                double sum = 0;
                for (int l = 0; l < 24; l++) sum += c.kvB.value().get(i, l) * latent.get(r, l);
                kv.set(r, i, sum);
            }
        }
        Tensor o = numbers.strided(1, 36);
        FAST.causal(o, c.q, kv, rope, 70, shape);
        c.run(FAST);
        assertClose("o", c.o, o, 2e-6);
    }

    @Test
    void refusesWhatDoesNotFit() {
        Shape shape = new Shape(2, 3, 2, 4, 1, 0.5f);
        AbsorbedCase c = new AbsorbedCase(DType.F32, DType.BF16, DType.F32, shape, 8, 32, new int[] {40, 3});
        c.positions.set(1, 64);
        assertThatThrownBy(() -> c.run(FAST))
                .isInstanceOf(TensorException.class)
                .hasMessage("absorbed: row 1 has position 64; its sequence has 2 pages of 32 positions");
        c.positions.set(1, -1);
        assertThatThrownBy(() -> c.run(FAST))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("position -1");
        c.positions.set(1, 0);
        assertThatThrownBy(() -> FAST.absorbed(c.o, c.q, c.kvB, new LatentPages[] {c.sequences[0]}, c.positions, shape))
                .isInstanceOf(TensorException.class)
                .hasMessage("absorbed: 2 rows, but only 1 sequences");
        Tensor odd = Tensor.zeros(Arena.ofAuto(), DType.F32, 48, 10);
        c.sequences[0] = new AbsorbedCase.Pages(48, odd);
        assertThatThrownBy(() -> c.run(FAST))
                .isInstanceOf(TensorException.class)
                .hasMessage("absorbed: pages of 48 positions; a page has a multiple of 32");
        c.sequences[0] = new AbsorbedCase.Pages(64, odd);
        assertThatThrownBy(() -> c.run(FAST))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("page 0 is f32[48, 10]; asked for is f32 or bf16 [64, 10]");
        assertThatThrownBy(
                        () -> FAST.absorbed(c.o, c.q, c.kvB, c.sequences, c.positions, new Shape(2, 3, 2, 5, 1, 0.5f)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("o is f32[2, 8]; asked for is [2, 10]");
    }
}
