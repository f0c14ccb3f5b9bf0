package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/** The products as their formulas read, in double, on the values themselves: nothing is packed, nothing is fast. */
final class ReferenceMatmul implements MatmulEngine {
    @Override
    public Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        if (format == Format.FP8)
            throw new TensorException(value + ": the reference multiplies in f32 and bf16, not in fp8");
        return new PlainWeight(value, grad, format);
    }

    @Override
    public Weight map(Tensor value, Format format) {
        if (format == Format.FP8) throw new TensorException(value + ": products in fp8 need codes and scales");
        return new PlainWeight(value, format);
    }

    @Override
    public Weight map(BlockScaled value, Format format) {
        return new PlainWeight(value, format);
    }

    @Override
    public void refresh(Weight[] weights) {}

    @Override
    public void forward(Tensor y, Tensor x, Weight w, Accumulate mode) {
        forward(y, x, w, 0, x.rows(), mode);
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight w, Accumulate mode) {
        inputGrad(dx, dy, w, 0, dy.rows(), mode);
    }

    @Override
    public void weightGrad(Weight w, Tensor dy, Tensor x) {
        weightGrad(w, dy, x, 0, x.rows());
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight[] experts, Tensor offsets) {
        for (int e = 0; e < experts.length; e++) {
            forward(y, x, experts[e], start(offsets, e), start(offsets, e + 1), Accumulate.WRITE);
        }
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight[] experts, Tensor offsets, Accumulate mode) {
        for (int e = 0; e < experts.length; e++) {
            inputGrad(dx, dy, experts[e], start(offsets, e), start(offsets, e + 1), mode);
        }
    }

    @Override
    public void weightGrad(Weight[] experts, Tensor dy, Tensor x, Tensor offsets) {
        for (int e = 0; e < experts.length; e++) {
            weightGrad(experts[e], dy, x, start(offsets, e), start(offsets, e + 1));
        }
    }

    @Override
    public String describe() {
        return "double-precision reference";
    }

    private static void forward(Tensor y, Tensor x, Weight w, int from, int to, Accumulate mode) {
        for (int row = from; row < to; row++) {
            double[] activations = activations(x, row, w);
            for (int n = 0; n < w.n(); n++) {
                double sum = 0;
                for (int k = 0; k < w.k(); k++) sum += activations[k] * parameter(w, n, k);
                put(y, row, n, sum, mode);
            }
        }
    }

    /** A row of x as the format has it: as it is, in BF16, or in E4M3 times a scale for each 128 numbers. */
    private static double[] activations(Tensor x, int row, Weight w) {
        double[] values = new double[w.k()];
        for (int k = 0; k < w.k(); k++) values[k] = operand(x, row, k, w);
        if (w.format() != Format.FP8) return values;
        for (int from = 0; from < w.k(); from += 128) {
            int end = Math.min(from + 128, w.k());
            float largest = 1e-4f;
            for (int k = from; k < end; k++) largest = Math.max(largest, (float) Math.abs(values[k]));
            float scale = largest / 448;
            for (int k = from; k < end; k++) values[k] = (double) toE4m3((float) values[k] / scale) * scale;
        }
        return values;
    }

    private static double parameter(Weight w, int n, int k) {
        return w.blocks() != null || ((PlainWeight) w).isMapped ? stored(w, n, k) : operand(w.value(), n, k, w);
    }

    /** A number of a weight as it is stored: of one that is block-scaled, code times scale as FP32. */
    static double stored(Weight w, int n, int k) {
        BlockScaled blocks = w.blocks();
        if (blocks == null) return w.value().get(n, k);
        Tensor codes = blocks.codes();
        byte code = codes.data().get(ValueLayout.JAVA_BYTE, n * codes.rowStride() + k);
        float scale = (float) blocks.scales().get(n / blocks.blockRows(), k / blocks.blockCols());
        return Fp8.decode(code) * scale;
    }

    private static void inputGrad(Tensor dx, Tensor dy, Weight w, int from, int to, Accumulate mode) {
        for (int row = from; row < to; row++) {
            for (int k = 0; k < w.k(); k++) {
                double sum = 0;
                for (int n = 0; n < w.n(); n++) sum += operand(dy, row, n, w) * operand(w.value(), n, k, w);
                put(dx, row, k, sum, mode);
            }
        }
    }

    private static void weightGrad(Weight w, Tensor dy, Tensor x, int from, int to) {
        for (int n = 0; n < w.n(); n++) {
            for (int k = 0; k < w.k(); k++) {
                double sum = 0;
                for (int row = from; row < to; row++) sum += operand(dy, row, n, w) * operand(x, row, k, w);
                put(w.grad(), n, k, sum, Accumulate.ADD);
            }
        }
    }

    private static void put(Tensor out, int row, int col, double sum, Accumulate mode) {
        out.set(row, col, mode == Accumulate.ADD ? out.get(row, col) + sum : sum);
    }

    private static int start(Tensor offsets, int expert) {
        return (int) offsets.get(0, expert);
    }

    private static double operand(Tensor tensor, int row, int col, Weight w) {
        double x = tensor.get(row, col);
        return w.format() == Format.BF16 ? toBf16(x) : x;
    }

    /** The nearest number with eight significant bits, ties to even; numbers below BF16's normal range keep its spacing there. */
    static double toBf16(double x) {
        if (x == 0 || Double.isNaN(x) || Double.isInfinite(x)) return x;
        double spacing = Math.scalb(1.0, Math.max(Math.getExponent(x), Float.MIN_EXPONENT) - 7);
        return Math.rint(x / spacing) * spacing;
    }

    /** The nearest number with four significant bits, ties to even, at most 448; numbers below 2⁻⁶ keep the spacing there. */
    static double toE4m3(float x) {
        if (x == 0 || Float.isNaN(x)) return x;
        double spacing = Math.scalb(1.0, Math.max(Math.getExponent(x), -6) - 3);
        double nearest = Math.rint(x / spacing) * spacing;
        return Math.min(448, Math.max(-448, nearest));
    }

    private static final class PlainWeight extends Weight {
        private final boolean isMapped; // its values are not rounded

        PlainWeight(Tensor value, Tensor grad, Format format) {
            super(value, grad, format);
            isMapped = false;
        }

        PlainWeight(Tensor value, Format format) {
            super(value, null, format);
            isMapped = true;
        }

        PlainWeight(BlockScaled value, Format format) {
            super(value, format);
            isMapped = true;
        }

        @Override
        public long preparedBytes() {
            return 0;
        }
    }
}
