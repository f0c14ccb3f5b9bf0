package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
import io.gatun.model.Golden;
import io.gatun.model.checkpoint.SafetensorsFile;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** E4M3 rounding, quantisation and products against what the published code and DeepGEMM computed; see test-data/README.md. */
class Fp8GoldenTest {
    private static final Arena ARENA = Arena.ofAuto();
    private static final SafetensorsFile QUANT =
            SafetensorsFile.open(Golden.folder("fp8-quant").resolve("quant.safetensors"), ARENA);

    @Test
    void encodesToTheGoldenCodes() {
        Tensor input = QUANT.tensor("e4m3.encode_input"), expected = QUANT.tensor("e4m3.encode_saturating");
        for (int i = 0; i < input.count(); i++) {
            float x = (float) input.get(i);
            int code = Fp8.encode(x) & 0xff, golden = (int) expected.data().get(ValueLayout.JAVA_BYTE, i) & 0xff;
            if (Float.isNaN(x)) {
                assertThat(code & 0x7f).isEqualTo(0x7f); // the sign of a NaN is free
            } else {
                assertThat(code).as("%s", x).isEqualTo(golden);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"act", "divmul"})
    void quantisesActivationsToTheGoldenCodes(String name) {
        Tensor x = QUANT.tensor(name + ".x");
        assertQuantised(x, 1, QUANT.tensor(name + ".q_div"), QUANT.tensor(name + ".scale"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"tok_ragged_a", "tok_ragged_b", "tok_ragged_c"})
    void quantisesRaggedActivationsToTheGoldenCodes(String name) {
        assertQuantised(QUANT.tensor(name + ".x"), 1, QUANT.tensor(name + ".q"), QUANT.tensor(name + ".scale"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"blk_a", "blk_b", "blk_c", "blk_d"})
    void quantisesWeightsToTheGoldenCodes(String name) {
        assertQuantised(QUANT.tensor(name + ".x"), 128, QUANT.tensor(name + ".q"), QUANT.tensor(name + ".scale_inv"));
    }

    @Test
    void quantisesBf16AsTheSameNumbersInF32() {
        Tensor x = QUANT.tensor("blk_b.x");
        Tensor halves = Tensor.zeros(ARENA, DType.BF16, x.shape()), rounded = Tensor.zeros(ARENA, DType.F32, x.shape());
        Bf16.encode(halves.data(), 0, x.data(), 0, (int) x.count());
        Bf16.decode(rounded.data(), 0, halves.data(), 0, (int) x.count());
        BlockScaled expected = quantise(rounded, 128);
        assertQuantised(halves, 128, expected.codes(), expected.scales());
    }

    @Test
    void encodesVectorsAsNumbers() {
        int count = 77_777; // all exponents, signs, ties and NaN among the bits
        Tensor x = Tensor.zeros(ARENA, DType.F32, 1, count);
        for (int i = 0; i < count; i++) {
            x.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.intBitsToFloat(i * 55_223 | (i & 3) << 19));
        }
        for (int from = 0; from < count; from += 128) {
            Tensor part = x.columns(from, Math.min(from + 128, count));
            BlockScaled quantised = quantise(part, 1);
            float scale = (float) quantised.scales().get(0);
            for (int i = 0; i < part.cols(); i++) {
                float value = part.data().getAtIndex(ValueLayout.JAVA_FLOAT, i);
                int code = quantised.codes().data().get(ValueLayout.JAVA_BYTE, i) & 0xff;
                int expected = Fp8.encode(value / scale) & 0xff;
                assertThat(code).as("%s / %s", value, scale).isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemm_a", "gemm_b", "gemm_c"})
    void multipliesAsTheGoldenProducts(String name) {
        Tensor expected = QUANT.tensor(name + ".out_f64");
        BlockScaled a = new BlockScaled(QUANT.tensor(name + ".a"), QUANT.tensor(name + ".a_scale"), 1, 128);
        Tensor x = Tensor.zeros(ARENA, DType.F32, a.rows(), a.cols());
        for (int r = 0; r < a.rows(); r++) {
            for (int c = 0; c < a.cols(); c++) {
                byte code = a.codes().data().get(ValueLayout.JAVA_BYTE, (long) r * a.cols() + c);
                x.set(r, c, Fp8.decode(code) * (float) a.scales().get(r, c / 128));
            }
        }
        double largest = 0;
        for (int i = 0; i < expected.count(); i++) largest = Math.max(largest, Math.abs(expected.get(i)));
        try (Team team = new Team(2)) {
            MatmulEngine engine = new VectorMatmul(team);
            for (Format format : new Format[] {Format.F32, Format.FP8}) { // quantised again, x has the same codes
                Weight w = engine.map(blocks(name + ".b", name + ".b_scale_inv"), format);
                Tensor y = Tensor.zeros(ARENA, DType.F32, x.rows(), w.n());
                engine.forward(y, x, w, Accumulate.WRITE);
                for (int i = 0; i < expected.count(); i++) {
                    assertThat(Math.abs(y.get(i) - expected.get(i)))
                            .as("%s %s: element %d is %s, expected %s", name, format, i, y.get(i), expected.get(i))
                            .isLessThanOrEqualTo(1e-5 * largest);
                }
            }
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        BlockScaled to = new BlockScaled(
                Tensor.zeros(ARENA, DType.F8_E4M3, 4, 64), Tensor.zeros(ARENA, DType.F32, 1, 2), 128, 32);
        assertThatThrownBy(() -> Fp8.quantizeBlocks(to, Tensor.zeros(ARENA, DType.F32, 4, 65)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("f32[4, 65]");
        assertThatThrownBy(() -> Fp8.quantizeBlocks(to, Tensor.zeros(ARENA, DType.F64, 4, 64)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("f64");
        assertThatThrownBy(() -> Fp8.quantizeBlocks(to, Tensor.zeros(ARENA, DType.F32, 4, 64)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("32 columns");
    }

    private static BlockScaled blocks(String codes, String scales) {
        return new BlockScaled(QUANT.tensor(codes), QUANT.tensor(scales), 128, 128);
    }

    private static BlockScaled quantise(Tensor x, int blockRows) {
        Tensor codes = Tensor.zeros(ARENA, DType.F8_E4M3, x.rows(), x.cols());
        Tensor scales = Tensor.zeros(ARENA, DType.F32, Math.ceilDiv(x.rows(), blockRows), Math.ceilDiv(x.cols(), 128));
        BlockScaled to = new BlockScaled(codes, scales, blockRows, 128);
        Fp8.quantizeBlocks(to, x);
        return to;
    }

    private static void assertQuantised(Tensor x, int blockRows, Tensor codes, Tensor scales) {
        BlockScaled found = quantise(x, blockRows);
        assertThat(found.scales().data().mismatch(scales.data())).as("scales").isEqualTo(-1);
        assertThat(found.codes().data().mismatch(codes.data())).as("codes").isEqualTo(-1);
    }
}
