package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
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
import org.junit.jupiter.params.provider.EnumSource;

/** The reference against the Vector API engine: all products, formats and modes, at sizes beside every tile. */
class ReferenceMatmulTest {
    private static final Team TEAM = new Team(2);
    private static final MatmulEngine FAST = new VectorMatmul(TEAM);
    private static final MatmulEngine PLAIN = new ReferenceMatmul();

    private final Arena arena = Arena.ofAuto();

    @AfterAll
    static void endTheTeam() {
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1",
        "1, 130, 65",
        "5, 6, 7",
        "6, 16, 15",
        "7, 17, 33",
        "12, 31, 48",
        "13, 33, 63",
        "65, 48, 130",
        "130, 15, 16",
        "130, 65, 31",
        "300, 7, 17",
        "513, 33, 20",
        "24, 40, 1100",
        "3, 1100, 40"
    })
    void productsAgree(int rows, int k, int n) {
        for (Format format : new Format[] {Format.F32, Format.BF16}) {
            Random random = new Random(31 * rows + k);
            Weight fast = weight(FAST, format, random, n, k), plain = twin(fast);
            Tensor x = strided(random, rows, k), dy = strided(random, rows, n);
            for (Accumulate mode : Accumulate.values()) {
                Tensor y = strided(random, rows, n), y2 = copy(y);
                FAST.forward(y, x, fast, mode);
                PLAIN.forward(y2, x, plain, mode);
                assertClose(y, y2, format + " forward " + mode);
                Tensor dx = strided(random, rows, k), dx2 = copy(dx);
                FAST.inputGrad(dx, dy, fast, mode);
                PLAIN.inputGrad(dx2, dy, plain, mode);
                assertClose(dx, dx2, format + " inputGrad " + mode);
            }
            FAST.weightGrad(fast, dy, x);
            PLAIN.weightGrad(plain, dy, x);
            assertClose(fast.grad(), plain.grad(), format + " weightGrad");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void groupsAgree(Format format) {
        int[] sizes = {3, 0, 130, 1, 0, 48, 7, 0};
        int k = 33, n = 21, rows = 200; // the last eleven rows belong to nobody
        Random random = new Random(8);
        Weight[] fast = new Weight[sizes.length], plain = new Weight[sizes.length];
        Tensor offsets = Tensor.zeros(arena, DType.I32, sizes.length + 1);
        for (int e = 0; e < sizes.length; e++) {
            fast[e] = weight(FAST, format, random, n, k);
            plain[e] = twin(fast[e]);
            offsets.set(e + 1, offsets.get(e) + sizes[e]);
        }
        Tensor x = strided(random, rows, k), dy = strided(random, rows, n);
        Tensor y = strided(random, rows, n), y2 = copy(y);
        FAST.forward(y, x, fast, offsets);
        PLAIN.forward(y2, x, plain, offsets);
        assertClose(y, y2, "forward");
        for (Accumulate mode : Accumulate.values()) {
            Tensor dx = strided(random, rows, k), dx2 = copy(dx);
            FAST.inputGrad(dx, dy, fast, offsets, mode);
            PLAIN.inputGrad(dx2, dy, plain, offsets, mode);
            assertClose(dx, dx2, "inputGrad " + mode);
        }
        FAST.weightGrad(fast, dy, x, offsets);
        PLAIN.weightGrad(plain, dy, x, offsets);
        for (int e = 0; e < sizes.length; e++)
            assertClose(fast[e].grad(), plain[e].grad(), "weightGrad of expert " + e);
    }

    @Test
    void roundsToTheNearestBf16() {
        assertThat(ReferenceMatmul.toBf16(1 + 1.0 / 256)).isEqualTo(1); // ties to even
        assertThat(ReferenceMatmul.toBf16(1 + 3.0 / 256)).isEqualTo(1 + 2.0 / 128);
        assertThat(ReferenceMatmul.toBf16(-3.14159)).isEqualTo(-3.140625);
        assertThat(ReferenceMatmul.toBf16(0x1.0p-133)).isEqualTo(0x1.0p-133); // the smallest
        assertThat(ReferenceMatmul.toBf16(0x1.0p-134)).isEqualTo(0);
        assertThat(ReferenceMatmul.toBf16(Double.NaN)).isNaN();
    }

    @Test
    void refusesFp8() {
        assertThatThrownBy(() -> PLAIN.prepare(arena, Tensor.zeros(arena, DType.F64, 2, 3), null, Format.FP8))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("fp8");
    }

    private Weight weight(MatmulEngine engine, Format format, Random random, int n, int k) {
        return engine.prepare(arena, strided(random, n, k), strided(random, n, k), format);
    }

    private Weight twin(Weight fast) {
        return PLAIN.prepare(arena, fast.value(), copy(fast.grad()), fast.format());
    }

    /** Normal numbers in a column range of a wider matrix. */
    private Tensor strided(Random random, int rows, int cols) {
        Tensor wide = Tensor.zeros(arena, DType.F32, rows, cols + 3);
        for (long i = 0; i < wide.count(); i++) wide.set(i, random.nextGaussian());
        return wide.columns(2, cols + 2);
    }

    private Tensor copy(Tensor tensor) {
        Tensor copy = Tensor.zeros(arena, DType.F64, tensor.shape());
        copy.copyFrom(tensor);
        return copy;
    }

    private static void assertClose(Tensor found, Tensor expected, String what) {
        double largest = 0;
        for (long i = 0; i < expected.count(); i++) largest = Math.max(largest, Math.abs(expected.get(i)));
        for (long i = 0; i < expected.count(); i++) {
            assertThat(Math.abs(found.get(i) - expected.get(i)))
                    .as("%s: element %d is %s, expected %s", what, i, found.get(i), expected.get(i))
                    .isLessThanOrEqualTo(1e-5 * largest);
        }
    }
}
