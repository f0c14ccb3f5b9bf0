package io.gatun.model.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Machine code against the Vector API: the same bits, whatever the shape. */
class AssembledMatmulTest {
    private final Arena arena = Arena.ofShared();
    private final Team team = new Team(2);
    private final Random random = new Random(7);
    private MatmulEngine vector;
    private MatmulEngine assembled;

    @BeforeEach
    void open() {
        assumeTrue(AssembledMatmul.whyNot().isEmpty(), AssembledMatmul.whyNot());
        vector = new VectorMatmul(team);
        assembled = AssembledMatmul.on(team).orElseThrow();
    }

    @AfterEach
    void close() {
        team.close();
        arena.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 8",
        "1, 5, 16",
        "1, 32, 64",
        "1, 512, 1024",
        "2, 130, 512",
        "3, 37, 544",
        "1, 129, 1056",
        "4, 33, 512",
        "5, 6, 40",
        "7, 96, 1000",
        "12, 64, 2048",
        "13, 31, 520",
        "100, 70, 33",
        "1, 3, 7"
    })
    void plainWeights(int rows, int n, int k) {
        for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
            Tensor value = Tensor.zeros(arena, dtype, n, k);
            for (long i = 0; i < value.count(); i++) {
                float number = (float) random.nextGaussian();
                if (dtype == DType.F32) {
                    value.set(i, number);
                } else {
                    short upper = (short) (Float.floatToRawIntBits(number) >>> 16);
                    value.data().set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, upper);
                }
            }
            for (Format format : new Format[] {Format.F32, Format.BF16}) {
                same(rows, n, k, vector.map(value, format), assembled.map(value, format));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 32",
        "1, 5, 64",
        "1, 256, 512",
        "1, 512, 1024",
        "2, 130, 640",
        "3, 300, 1536",
        "1, 129, 1152",
        "4, 33, 512",
        "5, 140, 96",
        "7, 96, 1000",
        "12, 64, 2048",
        "100, 70, 130",
        "1, 257, 7",
        "33, 128, 128"
    })
    void blockScaledWeights(int rows, int n, int k) {
        for (int blockRows : new int[] {128, 32}) {
            BlockScaled value = codes(n, k, blockRows);
            for (Format format : new Format[] {Format.F32, Format.BF16, Format.FP8}) {
                same(rows, n, k, vector.map(value, format), assembled.map(value, format));
            }
        }
    }

    /** All codes but NaN, denormal ones among them, and scales that differ. */
    private BlockScaled codes(int n, int k, int blockRows) {
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, n, k);
        for (long i = 0; i < codes.count(); i++) {
            int code = random.nextInt(256);
            codes.data().set(ValueLayout.JAVA_BYTE, i, (byte) ((code & 0x7f) == 0x7f ? code - 1 : code));
        }
        Tensor scales = Tensor.zeros(arena, DType.F32, Math.ceilDiv(n, blockRows), Math.ceilDiv(k, 128));
        for (long i = 0; i < scales.count(); i++) scales.set(i, 0.01 + random.nextDouble());
        return new BlockScaled(codes, scales, blockRows, 128);
    }

    private void same(int rows, int n, int k, Weight expected, Weight tested) {
        Tensor x = Tensor.zeros(arena, DType.F32, rows, k);
        for (long i = 0; i < x.count(); i++) x.set(i, random.nextGaussian());
        for (Accumulate mode : Accumulate.values()) {
            Tensor y = Tensor.zeros(arena, DType.F32, rows, n), z = Tensor.zeros(arena, DType.F32, rows, n);
            for (long i = 0; i < y.count(); i++) {
                y.set(i, i % 5);
                z.set(i, i % 5);
            }
            vector.forward(y, x, expected, mode);
            assembled.forward(z, x, tested, mode);
            assertThat(y.data().mismatch(z.data()))
                    .as("%d rows, %d x %d, %s, %s: first byte that differs", rows, n, k, expected.format(), mode)
                    .isEqualTo(-1);
        }
    }
}
