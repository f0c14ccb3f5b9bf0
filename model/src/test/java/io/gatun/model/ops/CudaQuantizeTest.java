package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Fp8;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** quantize.cu gives the CPU's codes and scales, bit for bit, in the order that cuBLASLt reads. */
class CudaQuantizeTest extends CudaFixture {
    private static final float FLOOR = 1e-4f;

    CudaQuantizeTest() {
        super("quantize");
    }

    private BlockScaled quantised(Tensor x, int blockRows) {
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, x.rows(), x.cols());
        long bands = Math.ceilDiv(x.rows(), blockRows);
        Tensor scales = Tensor.zeros(arena, DType.F32, bands, Math.ceilDiv(x.cols(), 128));
        BlockScaled to = new BlockScaled(codes, scales, blockRows, 128);
        Fp8.quantizeBlocks(to, x);
        return to;
    }

    /** Numbers of very different sizes, one tile of zeros. */
    private Tensor numbers(int rows, int cols, int gap) {
        Tensor x = matrix(rows, cols, gap);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) x.set(r, c, x.get(r, c) * Math.pow(2, random.nextInt(24) - 16));
        }
        for (int c = 0; c < Math.min(128, cols); c++) x.set(rows - 1, c, 0);
        return x;
    }

    private static byte code(Tensor codes, int r, int c) {
        return codes.data().get(JAVA_BYTE, r * codes.rowStride() + c);
    }

    private static Tensor filled(Tensor codes) {
        codes.data().fill((byte) 0x55);
        return codes;
    }

    @Test
    void everyFloatHasItsCode() {
        int count = 128 * 600; // all exponents, signs, ties and NaN among the bits
        Tensor x = Tensor.zeros(arena, DType.F32, 600, 128), codes = Tensor.zeros(arena, DType.F8_E4M3, 600, 128);
        for (int i = 0; i < count; i++)
            x.data().setAtIndex(JAVA_FLOAT, i, Float.intBitsToFloat(i * 55_223 | (i & 3) << 19));
        for (int r = 0; r < 600; r += 2) { // scale 1
            for (int c = 0; c < 128; c++) {
                float value = x.data().getAtIndex(JAVA_FLOAT, r * 128 + c);
                x.set(r, c, Math.max(-448, Math.min(448, Float.isNaN(value) ? 0 : value)));
            }
            x.set(r, 0, 448);
        }
        Tensor scales = vector(600);
        launch("quantize_rows", blocks(75, 1), rows(codes), scales, 600L, rows(x), 600, 600, 128, 128, FLOOR);
        BlockScaled expected = quantised(x, 1);
        for (int i = 0; i < count; i++) {
            float scale = (float) scales.get(i / 128);
            if (Float.isNaN(scale)) {
                assertThat(code(codes, i / 128, i % 128)).isEqualTo((byte) 0x7f);
            } else {
                assertThat(scale).isEqualTo((float) expected.scales().get(i / 128));
                byte code = code(codes, i / 128, i % 128), other = code(expected.codes(), i / 128, i % 128);
                assertThat(code).as("%s / %s", x.get(i), scale).isEqualTo(other);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 16, 0", "3, 8, 130, 144, 1", "9, 16, 512, 512, 4", "8, 8, 127, 128, 0"})
    void rows(int rows, int paddedRows, int cols, int paddedCols, int gap) {
        Tensor x = numbers(rows, cols, gap);
        Tensor codes = filled(Tensor.zeros(arena, DType.F8_E4M3, paddedRows, paddedCols + 3));
        int tiles = Math.ceilDiv(cols, 128);
        Tensor scales = Tensor.zeros(arena, DType.F32, tiles, paddedRows + 2);
        launch(
                "quantize_rows",
                blocks(Math.ceilDiv(paddedRows, 8), tiles),
                rows(codes),
                rows(scales),
                rows(x),
                rows,
                paddedRows,
                cols,
                paddedCols,
                FLOOR);
        BlockScaled expected = quantised(x, 1);
        assertCodes(codes, scales, expected, rows, paddedRows, cols, paddedCols);
        Tensor back = matrix(rows, cols, 1);
        launch("dequantize_rows", blocks(rows, 1), rows(back), rows(codes), rows(scales), cols);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                float value = Fp8.decode(code(codes, r, c)) * (float) scales.get(c / 128, r);
                assertThat((float) back.get(r, c)).isEqualTo(value);
            }
        }
    }

    private static void assertCodes(
            Tensor codes, Tensor scales, BlockScaled expected, int rows, int paddedRows, int cols, int paddedCols) {
        for (int r = 0; r < paddedRows; r++) {
            for (int c = 0; c < codes.cols(); c++) {
                byte other = r < rows && c < cols ? code(expected.codes(), r, c) : c < paddedCols ? 0 : (byte) 0x55;
                assertThat(code(codes, r, c)).as("code %d, %d", r, c).isEqualTo(other);
                if (r >= rows || c >= cols) continue;
                assertThat(scales.get(c / 128, r)).isEqualTo(expected.scales().get(r, c / 128));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 16, 0", "5, 130, 144, 1", "8, 256, 256, 4"})
    void rowsOfTheActivation(int rows, int cols, int paddedCols, int gap) {
        Tensor gate = matrix(rows, cols, gap), up = numbers(rows, cols, gap), h = matrix(rows, cols, 0);
        int tiles = Math.ceilDiv(cols, 128);
        Tensor codes = filled(Tensor.zeros(arena, DType.F8_E4M3, rows, paddedCols));
        Tensor scales = Tensor.zeros(arena, DType.F32, tiles, rows);
        REFERENCE.swiGlu(h, gate, up);
        launch(
                "swiglu_quantize_rows",
                blocks(Math.ceilDiv(rows, 8), tiles),
                rows(codes),
                rows(scales),
                rows(gate),
                rows(up),
                rows,
                rows,
                cols,
                paddedCols,
                FLOOR);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < paddedCols; c++) {
                if (c >= cols) {
                    assertThat(code(codes, r, c)).isZero();
                    continue;
                }
                double scale = scales.get(c / 128, r), value = Fp8.decode(code(codes, r, c)) * scale;
                double step = Math.max(Math.abs(h.get(r, c)) / 15, scale / 1000); // half the distance of codes
                assertThat(Math.abs(value - h.get(r, c))).isLessThan(step * 1.001);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 16, 1, 4, 0", "130, 144, 33, 36, 1", "256, 256, 64, 64, 4"})
    void columns(int rows, int paddedRows, int cols, int paddedCols, int gap) {
        Tensor x = numbers(rows, cols, gap), turned = Tensor.zeros(arena, DType.F32, cols, rows);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) turned.set(c, r, x.get(r, c));
        }
        int tiles = Math.ceilDiv(paddedRows, 128);
        Tensor codes = filled(Tensor.zeros(arena, DType.F8_E4M3, paddedCols, paddedRows));
        Tensor scales = Tensor.zeros(arena, DType.F32, tiles, paddedCols);
        launch(
                "quantize_columns",
                blocks(Math.ceilDiv(paddedCols, 32), tiles),
                rows(codes),
                rows(scales),
                rows(x),
                rows,
                paddedRows,
                cols,
                paddedCols,
                FLOOR);
        assertCodes(codes, scales, quantised(turned, 1), cols, paddedCols, rows, paddedRows);
    }

    @Test
    void gradientsHaveNoFloor() {
        Tensor x = matrix(3, 128, 0), codes = Tensor.zeros(arena, DType.F8_E4M3, 3, 128), scales = vector(3);
        for (int c = 0; c < 128; c++) {
            x.set(0, c, x.get(0, c) * 1e-20);
            x.set(1, c, 0);
            x.set(2, c, c * 1e-40); // subnormal
        }
        x.set(0, 7, 4.48e-18f);
        launch("quantize_rows", blocks(1, 1), rows(codes), scales, 3L, rows(x), 3, 3, 128, 128, 0f);
        assertThat((float) scales.get(0)).isEqualTo(4.48e-18f / 448);
        assertThat(scales.get(1)).isEqualTo(1);
        assertThat(scales.get(2)).isEqualTo(1);
        assertThat(Fp8.decode(code(codes, 0, 7))).isEqualTo(448);
        for (int c = 0; c < 128; c++) assertThat(code(codes, 1, c)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 0", "130, 257, 1", "128, 128, 4"})
    void weights(int rows, int cols, int gap) {
        Tensor w = numbers(rows, cols, gap), codes = Tensor.zeros(arena, DType.F8_E4M3, rows, cols + 5);
        BlockScaled expected = quantised(w, 128);
        int across = Math.ceilDiv(cols, 128), down = Math.ceilDiv(rows, 128);
        Tensor scales = Tensor.zeros(arena, DType.F32, down, (across + 3) / 4 * 4);
        launch("quantize_weights", blocks(across, down), rows(codes), rows(scales), rows(w), rows, cols, FLOOR);
        Tensor y = matrix(rows, cols, 1), halves = Tensor.zeros(arena, DType.BF16, rows, cols);
        launch("dequantize_weights_f32", blocks(rows, 1), rows(y), rows(codes), rows(scales), cols);
        launch("dequantize_weights_bf16", blocks(rows, 1), rows(halves), rows(codes), rows(scales), cols);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                assertThat(code(codes, r, c)).isEqualTo(code(expected.codes(), r, c));
                assertThat(scales.get(r / 128, c / 128))
                        .isEqualTo(expected.scales().get(r / 128, c / 128));
                float value = Fp8.decode(code(codes, r, c)) * (float) scales.get(r / 128, c / 128);
                assertThat((float) y.get(r, c)).isEqualTo(value);
                assertThat((float) halves.get(r, c)).isEqualTo(Bf16.decode(Bf16.encode(value)));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "33, 70", "64, 31"})
    void transposes(int rows, int cols) {
        Tensor x = matrix(rows, cols, 1), y = matrix(cols, rows, 2);
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, rows, cols),
                turned = Tensor.zeros(arena, DType.F8_E4M3, cols, rows);
        for (long i = 0; i < codes.count(); i++) codes.data().set(JAVA_BYTE, i, (byte) random.nextInt());
        Grid grid = blocks(Math.ceilDiv(cols, 32), Math.ceilDiv(rows, 32));
        launch("transpose_floats", grid, rows(y), rows(x), rows, cols);
        launch("transpose_codes", grid, rows(turned), rows(codes), rows, cols);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                assertThat(y.get(c, r)).isEqualTo(x.get(r, c));
                assertThat(code(turned, c, r)).isEqualTo(code(codes, r, c));
            }
        }
    }
}
