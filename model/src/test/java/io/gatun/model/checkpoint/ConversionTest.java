package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Fp8;
import io.gatun.model.Golden;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConversionTest {
    private static final Arena ARENA = Arena.ofAuto();
    private static final SafetensorsFile QUANT =
            SafetensorsFile.open(Golden.folder("fp8-quant").resolve("quant.safetensors"), ARENA);

    @Test
    void decodesEveryE4m3Code() {
        Tensor expected = QUANT.tensor("e4m3.decode");
        for (int code = 0; code < 256; code++) {
            float value = Fp8.decode((byte) code);
            float golden = (float) expected.get(code);
            if (Float.isNaN(golden)) {
                assertThat(value).as("code %d", code).isNaN();
            } else {
                assertThat(Float.floatToRawIntBits(value))
                        .as("code %d", code)
                        .isEqualTo(Float.floatToRawIntBits(golden));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"blk_a,''", "blk_b,''", "blk_c,''", "blk_d,''"})
    void dequantisesBlocksToTheGoldenBits(String name) {
        Tensor expected = QUANT.tensor(name + ".dequant");
        for (DType type : new DType[] {DType.F32, DType.F64}) {
            Tensor actual = Tensor.zeros(ARENA, type, expected.shape());
            Conversion.dequantize(QUANT.tensor(name + ".q"), QUANT.tensor(name + ".scale_inv"), 128, 128, actual);
            assertSame(actual, expected);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tok_ragged_a", "tok_ragged_b", "tok_ragged_c"})
    void dequantisesBlocksOfOtherShapes(String name) {
        Tensor expected = QUANT.tensor(name + ".dequant");
        Tensor actual = Tensor.zeros(ARENA, DType.F32, expected.shape());
        Conversion.dequantize(QUANT.tensor(name + ".q"), QUANT.tensor(name + ".scale"), 1, 128, actual);
        assertSame(actual, expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"blk_a", "blk_b", "blk_c", "blk_d"})
    void roundsToTheGoldenBf16(String name) {
        Tensor expected = QUANT.tensor(name + ".dequant_bf16");
        Tensor actual = Tensor.zeros(ARENA, DType.BF16, expected.shape());
        Conversion.copy(QUANT.tensor(name + ".dequant"), actual);
        assertSame(actual, expected);
    }

    @Test
    void roundsToNearestAndTiesToEven() {
        Random random = new Random(11);
        for (int i = 0; i < 200_000; i++) {
            int bits = i % 2 == 0 ? random.nextInt() : random.nextInt() & 0xFFFF0000 | 0x8000; // every second a tie
            float value = Float.intBitsToFloat(bits);
            if (Float.isNaN(value)) continue;
            short rounded = Conversion.round(value);
            assertThat(rounded).as("%s", Float.toHexString(value)).isEqualTo(nearest(value));
        }
    }

    /** By distance in double, where both neighbours and their distances are exact. */
    private static short nearest(float value) {
        int below = Float.floatToRawIntBits(value) >>> 16;
        double size = Math.abs((double) value);
        double low = Math.abs((double) Conversion.widen((short) below));
        float next = Conversion.widen((short) (below + 1));
        double high = Float.isInfinite(next) ? 0x1p128 : Math.abs((double) next);
        if (Float.isInfinite(value) || size - low < high - size) return (short) below;
        if (size - low > high - size) return (short) (below + 1);
        return (short) (below % 2 == 0 ? below : below + 1);
    }

    @Test
    void keepsSpecialValues() {
        assertThat(Conversion.widen(Conversion.round(Float.POSITIVE_INFINITY))).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(Conversion.widen(Conversion.round(-0f))).isEqualTo(-0f);
        assertThat(Conversion.widen(Conversion.round(Float.MAX_VALUE))).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(Conversion.widen(Conversion.round(Float.NaN))).isNaN();
        assertThat(Conversion.widen(Conversion.round(Float.intBitsToFloat(0x7F800001))))
                .isNaN();
        assertThat(Conversion.widen(Conversion.round(Float.intBitsToFloat(0xFFFFFFFF))))
                .isNaN();
    }

    @ParameterizedTest
    @CsvSource({"F32, F64", "F64, F32", "F32, BF16", "BF16, F32", "BF16, F64", "F64, F64", "BF16, BF16"})
    void convertsColumnsOfStridedRows(DType from, DType to) {
        Tensor whole = Tensor.zeros(ARENA, DType.F32, 5, 17);
        for (int i = 0; i < whole.count(); i++) whole.set(i, i - 40); // exact in every type
        Tensor source = Tensor.zeros(ARENA, from, 5, 17);
        Conversion.copy(whole, source);
        Tensor target = Tensor.zeros(ARENA, to, 5, 30);
        Conversion.copy(source.columns(3, 16), target.columns(7, 20));
        for (int r = 0; r < 5; r++) {
            for (int c = 0; c < 30; c++) {
                double expected = c >= 7 && c < 20 ? r * 17 + c - 4 - 40 : 0;
                assertThat(target.get(r, c)).as("[%d, %d]", r, c).isEqualTo(expected);
            }
        }
    }

    @Test
    void dequantisesIntoStridedRows() {
        Tensor expected = QUANT.tensor("blk_d.dequant");
        Tensor target = Tensor.zeros(ARENA, DType.F32, 260, 200);
        Tensor part = target.columns(20, 149);
        Conversion.dequantize(QUANT.tensor("blk_d.q"), QUANT.tensor("blk_d.scale_inv"), 128, 128, part);
        assertSame(part, expected);
        assertThat(target.get(259, 149)).isZero();
        assertThat(target.get(259, 19)).isZero();
    }

    @Test
    void refusesOtherPairs() {
        Tensor whole = Tensor.zeros(ARENA, DType.I64, 3);
        assertThatThrownBy(() -> Conversion.copy(whole, Tensor.zeros(ARENA, DType.F32, 3)))
                .isInstanceOf(TensorException.class)
                .hasMessage("elements of type I64 are not converted to F32");
    }

    private static void assertSame(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).isEqualTo(expected.shape());
        for (int r = 0; r < expected.rows(); r++) {
            for (int c = 0; c < expected.cols(); c++) {
                assertThat(Double.doubleToRawLongBits(actual.get(r, c)))
                        .as("[%d, %d]: %s and %s", r, c, actual.get(r, c), expected.get(r, c))
                        .isEqualTo(Double.doubleToRawLongBits(expected.get(r, c)));
            }
        }
    }
}
