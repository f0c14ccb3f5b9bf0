package io.gatun.model.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The engine against double, at sizes beside every padding: of tokens, of both widths, of blocks of scales. */
class CublasLtMatmulTest {
    private static final Team TEAM = new Team(2);
    private static CudaDevice device;
    private static CublasLt library;
    private static CublasLtMatmul engine;

    private final Arena arena = Arena.ofAuto();

    @BeforeAll
    static void open() {
        device = StandIn.device();
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
        library = CublasLt.open(device).orElseThrow();
        engine = new CublasLtMatmul(library, TEAM);
    }

    @AfterAll
    static void close() {
        if (engine != null) engine.close();
        if (library != null) library.close();
        if (device != null) device.close();
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({"1,128,64", "5,200,24", "130,136,40", "17,33,21", "5,1100,72", "300,48,144", "16,16,16"})
    void productsEqualThoseInDouble(int rows, int k, int n) {
        for (Format format : new Format[] {Format.BF16, Format.FP8}) {
            if (format == Format.FP8 && !library.whyNotBlockScaled().isEmpty()) continue;
            Random random = new Random(31 * rows + k);
            Tensor value = strided(random, 0.1, n, k), grad = strided(random, 1, n, k);
            Tensor gradBefore = copy(grad);
            Weight weight = engine.prepare(arena, value, grad, format);
            double[][] w = format == Format.FP8
                    ? DoubleProducts.weight(DoubleProducts.quantized(arena, value), format)
                    : DoubleProducts.weight(value);
            Tensor x = strided(random, 1, rows, k),
                    dy = strided(random, 1e-6, rows, n); // below the floor of activations
            double[][] xs = DoubleProducts.rows(x, 0, rows, format, false);
            double[][] dys = DoubleProducts.rows(dy, 0, rows, format, true);
            for (Accumulate mode : Accumulate.values()) {
                Tensor y = strided(random, 1, rows, n), yBefore = copy(y);
                engine.forward(y, x, weight, mode);
                assertClose(format + " forward " + mode, y, DoubleProducts.product(xs, w), mode, yBefore);
                Tensor dx = strided(random, 1e-6, rows, k), dxBefore = copy(dx);
                engine.inputGrad(dx, dy, weight, mode);
                double[][] expected = DoubleProducts.product(dys, DoubleProducts.transposed(w));
                assertClose(format + " inputGrad " + mode, dx, expected, mode, dxBefore);
            }
            grad.clear();
            engine.weightGrad(weight, dy, x);
            double[][] dw = DoubleProducts.product(
                    DoubleProducts.columns(dy, 0, rows, format, true),
                    DoubleProducts.columns(x, 0, rows, format, false));
            assertClose(format + " weightGrad", grad, dw, Accumulate.WRITE, gradBefore);
            engine.weightGrad(weight, dy, x);
            for (double[] row : dw) for (int c = 0; c < row.length; c++) row[c] *= 2;
            assertClose(format + " weightGrad again", grad, dw, Accumulate.WRITE, gradBefore);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"BF16", "FP8"})
    void groupsEqualProductsOfTheirRows(Format format) {
        assumeTrue(format != Format.FP8 || library.whyNotBlockScaled().isEmpty(), library.whyNotBlockScaled());
        int[] sizes = {3, 0, 130, 1, 0, 48, 7, 0};
        int k = 136, n = 40, rows = 200; // the last eleven rows belong to nobody
        Random random = new Random(8);
        Weight[] experts = new Weight[sizes.length];
        Tensor offsets = Tensor.zeros(arena, DType.I32, sizes.length + 1);
        for (int e = 0; e < sizes.length; e++) {
            experts[e] = engine.prepare(arena, strided(random, 1, n, k), strided(random, 1, n, k), format);
            offsets.set(e + 1, offsets.get(e) + sizes[e]);
        }
        Tensor x = strided(random, 1, rows, k), dy = strided(random, 1, rows, n);
        Tensor y = strided(random, 1, rows, n), y2 = copy(y), dx = strided(random, 1, rows, k), dx2 = copy(dx);
        Tensor[] grads = new Tensor[sizes.length];
        for (int e = 0; e < sizes.length; e++) grads[e] = copy(experts[e].grad());
        engine.forward(y, x, experts, offsets);
        engine.inputGrad(dx, dy, experts, offsets, Accumulate.ADD);
        engine.weightGrad(experts, dy, x, offsets);
        for (int e = 0; e < sizes.length; e++) {
            Tensor added = copy(experts[e].grad());
            experts[e].grad().copyFrom(grads[e]);
            int from = (int) offsets.get(e), to = (int) offsets.get(e + 1);
            engine.forward(y2.slice(from, to), x.slice(from, to), experts[e], Accumulate.WRITE);
            engine.inputGrad(dx2.slice(from, to), dy.slice(from, to), experts[e], Accumulate.ADD);
            engine.weightGrad(experts[e], dy.slice(from, to), x.slice(from, to));
            assertSame("gradient of expert " + e, added, experts[e].grad());
        }
        assertSame("y", y, y2);
        assertSame("dx", dx, dx2);
    }

    @Test
    void mappedWeightsAreTakenAsTheyAre() {
        int rows = 5, k = 200, n = 72;
        Random random = new Random(3);
        Tensor x = strided(random, 1, rows, k), y = strided(random, 1, rows, n), before = copy(y);
        Tensor value = strided(random, 1, n, k);
        engine.forward(y, x, engine.map(value, Format.BF16), Accumulate.WRITE);
        double[][] xs = DoubleProducts.rows(x, 0, rows, Format.BF16, false);
        double[][] expected = DoubleProducts.product(xs, DoubleProducts.weight(value));
        assertClose("f32", y, expected, Accumulate.WRITE, before);

        Tensor halves = Tensor.zeros(arena, DType.BF16, n, k);
        for (int r = 0; r < n; r++) {
            Bf16.encode(halves.data(), 2L * r * k, value.data(), 4 * r * value.rowStride(), k);
        }
        engine.forward(y, x, engine.map(halves, Format.BF16), Accumulate.WRITE);
        assertClose("bf16", y, expected, Accumulate.WRITE, before);

        BlockScaled blocks = DoubleProducts.quantized(arena, value);
        engine.forward(y, x, engine.map(blocks, Format.BF16), Accumulate.WRITE);
        double[][] decoded = DoubleProducts.weight(blocks, Format.BF16);
        assertClose("codes in bf16", y, DoubleProducts.product(xs, decoded), Accumulate.WRITE, before);
        if (!library.whyNotBlockScaled().isEmpty()) return;
        Weight weight = engine.map(blocks, Format.FP8);
        engine.forward(y, x, weight, Accumulate.WRITE);
        double[][] quantized = DoubleProducts.rows(x, 0, rows, Format.FP8, false);
        double[][] codes = DoubleProducts.weight(blocks, Format.FP8);
        assertClose("codes", y, DoubleProducts.product(quantized, codes), Accumulate.WRITE, before);
        assertThat(weight.preparedBytes()).isEqualTo(80 * 208 + 4 * 4);
    }

    @Test
    void refreshBringsNewValues() {
        for (Format format : new Format[] {Format.BF16, Format.FP8}) {
            if (format == Format.FP8 && !library.whyNotBlockScaled().isEmpty()) continue;
            Random random = new Random(4);
            Tensor value = strided(random, 1, 24, 40), grad = strided(random, 1, 24, 40);
            Tensor x = strided(random, 1, 3, 40), y = strided(random, 1, 3, 24), y2 = copy(y);
            Tensor dx = strided(random, 1, 3, 40), dx2 = copy(dx);
            Weight weight = engine.prepare(arena, value, grad, format);
            value.copyFrom(strided(random, 1, 24, 40));
            engine.refresh(new Weight[] {weight});
            Weight fresh = engine.prepare(arena, value, grad, format);
            engine.forward(y, x, weight, Accumulate.WRITE);
            engine.forward(y2, x, fresh, Accumulate.WRITE);
            assertSame(format + " y", y, y2);
            engine.inputGrad(dx, y, weight, Accumulate.WRITE);
            engine.inputGrad(dx2, y, fresh, Accumulate.WRITE);
            assertSame(format + " dx", dx, dx2);
        }
    }

    @Test
    void refusesWhatItCannotMultiply() {
        Tensor value = Tensor.zeros(arena, DType.F32, 24, 40), grad = Tensor.zeros(arena, DType.F32, 24, 40);
        assertThatThrownBy(() -> engine.prepare(arena, value, null, Format.F32))
                .isInstanceOf(TensorException.class)
                .hasMessage("f32[24, 40]: the cuBLASLt engine multiplies in bf16 and fp8; f32 stays on the CPU");
        assertThatThrownBy(() -> engine.map(value, Format.FP8))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("codes with their scales");
        BlockScaled narrow = new BlockScaled(
                Tensor.zeros(arena, DType.F8_E4M3, 24, 40), Tensor.zeros(arena, DType.F32, 1, 2), 128, 32);
        assertThatThrownBy(() -> engine.map(narrow, Format.FP8))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("128 x 32");
        Weight weight = engine.prepare(arena, value, null, Format.BF16);
        Tensor x = Tensor.zeros(arena, DType.F32, 3, 40), y = Tensor.zeros(arena, DType.F32, 3, 24);
        assertThatThrownBy(() -> engine.forward(y, y, weight, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessage("x is f32[3, 24]; the product needs f32[3, 40]");
        assertThatThrownBy(() -> engine.weightGrad(weight, y, x))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("without a gradient");
        assertThatThrownBy(() -> engine.prepare(arena, value, y, Format.BF16))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("gradient is f32[3, 24]");
    }

    @Test
    void refusesWeightsOfOthersAndExpertsThatDiffer() {
        Tensor x = Tensor.zeros(arena, DType.F32, 3, 40), y = Tensor.zeros(arena, DType.F32, 3, 24);
        Weight own = engine.prepare(arena, Tensor.zeros(arena, DType.F32, 24, 40), null, Format.BF16);
        Weight wide = engine.prepare(arena, Tensor.zeros(arena, DType.F32, 24, 48), null, Format.BF16);
        Weight other = new VectorMatmul(TEAM).map(Tensor.zeros(arena, DType.F32, 24, 40), Format.F32);
        Tensor offsets = Tensor.zeros(arena, DType.I32, 3);
        assertThatThrownBy(() -> engine.forward(y, x, other, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("another engine");
        assertThatThrownBy(() -> engine.forward(y, x, new Weight[] {own, wide}, offsets))
                .isInstanceOf(TensorException.class)
                .hasMessageStartingWith("expert 1 has the weight f32[24, 48]");
        offsets.set(1, 4);
        assertThatThrownBy(() -> engine.forward(y, x, new Weight[] {own, own}, offsets))
                .isInstanceOf(TensorException.class)
                .hasMessage("offset 1 of the experts is 4; it must lie between 0 and the 3 rows");
    }

    @Test
    void rowsArePaddedToFewSizes() {
        assertThat(ExpertRows.padded(0)).isZero();
        assertThat(ExpertRows.padded(1)).isEqualTo(16);
        assertThat(ExpertRows.padded(130)).isEqualTo(144);
        assertThat(ExpertRows.padded(1025)).isEqualTo(1152);
        for (int rows = 1; rows < 5000; rows++) {
            assertThat(ExpertRows.padded(rows)).isBetween(rows, Math.max(rows + 15, rows + rows / 8));
        }
    }

    @Test
    void saysWhatItIs() {
        assertThat(engine.describe()).startsWith("cuBLASLt 1").contains(device.name());
    }

    /** Normal numbers times {@code size} in a column range of a wider matrix. */
    private Tensor strided(Random random, double size, int rows, int cols) {
        Tensor wide = Tensor.zeros(arena, DType.F32, rows, cols + 3);
        for (long i = 0; i < wide.count(); i++) wide.set(i, size * random.nextGaussian());
        return wide.columns(2, cols + 2);
    }

    private Tensor copy(Tensor tensor) {
        Tensor copy = Tensor.zeros(arena, DType.F32, tensor.shape());
        copy.copyFrom(tensor);
        return copy;
    }

    private static void assertClose(String what, Tensor found, double[][] product, Accumulate mode, Tensor before) {
        double largest = 0;
        for (double[] row : product) for (double value : row) largest = Math.max(largest, Math.abs(value));
        // Hopper's tensor cores sum FP8 products in 14 bits between promotions
        double tolerance = StandIn.isReal() && what.startsWith("FP8") ? 1e-3 : 1e-5;
        for (int r = 0; r < product.length; r++) {
            for (int c = 0; c < product[r].length; c++) {
                double expected = product[r][c] + (mode == Accumulate.ADD ? before.get(r, c) : 0);
                assertThat(Math.abs(found.get(r, c) - expected))
                        .as("%s: (%d, %d) is %s, expected %s", what, r, c, found.get(r, c), expected)
                        .isLessThanOrEqualTo(tolerance * Math.max(largest, Math.abs(expected)));
            }
        }
    }

    private static void assertSame(String what, Tensor found, Tensor expected) {
        for (long i = 0; i < expected.count(); i++) {
            assertThat(found.get(i)).as("%s: element %d", what, i).isEqualTo(expected.get(i));
        }
    }
}
