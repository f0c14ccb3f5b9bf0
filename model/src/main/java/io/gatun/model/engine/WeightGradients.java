package io.gatun.model.engine;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8Rows;
import io.gatun.tensor.Tensor;

/**
 * {@code dW += dyᵀ x}, one weight after another: its gradient travels to the GPU, is added to there, and travels back. Sums run over
 * tokens, so tokens that pad are zeros; in FP8 both operands are quantised along tokens.
 */
final class WeightGradients implements AutoCloseable {
    /** One of the two operands on the GPU. */
    private static final class Operand {
        private final DeviceBuffer codes;
        private final ScaleBuffer scales;

        Operand(GpuQueue queue) {
            codes = new DeviceBuffer(queue.device);
            scales = new ScaleBuffer(queue.stream);
        }
    }

    private final GpuQueue queue;
    private final Operand x;
    private final Operand dy;
    private final DeviceBuffer result;
    private final ActivationRows.Rounded rounded = new ActivationRows.Rounded();
    private final ActivationRows.Plain gradient = new ActivationRows.Plain();
    private final ActivationRows.Output output = new ActivationRows.Output();
    private final ActivationRows.QuantizedColumns quantized;

    WeightGradients(GpuQueue queue, int workers) {
        this.queue = queue;
        x = new Operand(queue);
        dy = new Operand(queue);
        result = new DeviceBuffer(queue.device);
        quantized = new ActivationRows.QuantizedColumns(workers);
        output.mode = Accumulate.WRITE;
    }

    /** Adds the product of {@code weight}'s rows, expert {@code e} of {@code rows}; shapes fit. */
    void add(DeviceWeight weight, Tensor dy, Tensor x, ExpertRows rows, int e) {
        boolean fp8 = weight.format() == Format.FP8;
        Kind kind = fp8 ? Kind.FP8_WEIGHT_GRAD : Kind.BF16_WEIGHT_GRAD;
        int m = weight.cols(), n = weight.rows();
        long a = fp8 ? columns(this.x, x, rows, e, m, false) : tokens(this.x, x, rows, e, m);
        long b = fp8 ? columns(this.dy, dy, rows, e, n, true) : tokens(this.dy, dy, rows, e, n);
        long rowBytes = (long) Float.BYTES * m;
        long d = result.reserve(n * rowBytes);
        gradient.point(weight.grad(), 0, weight.n());
        queue.transfer.upload(d, n, rowBytes, gradient);
        queue.run(kind, m, n, rows.paddedRows(e), a, this.x.scales.address(), b, this.dy.scales.address(), d);
        output.point(weight.grad(), 0, weight.n());
        queue.transfer.download(d, weight.n(), rowBytes, output);
    }

    /** An operand as bf16 [tokens, cols]. */
    private long tokens(Operand to, Tensor from, ExpertRows rows, int e, int cols) {
        long address = to.codes.reserve(2L * rows.paddedRows(e) * cols);
        rounded.point(from, rows.start(e), rows.rows(e));
        queue.transfer.upload(address, rows.paddedRows(e), 2L * cols, rounded);
        return address;
    }

    /** An operand as codes [cols, tokens] and scales [⌈tokens / 128⌉][cols]. */
    private long columns(Operand to, Tensor from, ExpertRows rows, int e, int cols, boolean isGradient) {
        int tokens = rows.paddedRows(e);
        long address = to.codes.reserve((long) cols * tokens);
        to.scales.reserve((long) Float.BYTES * cols * Math.ceilDiv(tokens, Fp8Rows.BLOCK));
        quantized.point(from, rows.start(e), rows.rows(e));
        quantized.reserve(tokens);
        quantized.isGradient = isGradient;
        quantized.scaleTo(to.scales.segment(), 0, (long) Float.BYTES * cols);
        queue.transfer.upload(address, cols, tokens, quantized);
        to.scales.upload();
        return address;
    }

    @Override
    public void close() {
        for (Operand operand : new Operand[] {x, dy}) {
            operand.codes.close();
            operand.scales.close();
        }
        result.close();
    }
}
