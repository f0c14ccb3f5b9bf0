package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8Rows;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;

/**
 * The products on a GPU by cuBLASLt, in BF16 and in FP8 with scales of blocks (SPEC 5.6); weights live on the GPU, activations and
 * gradients on the host, where a team rounds or quantises them before they travel. Outputs are FP32. A product returns when its result
 * is there. Repeated runs give the same bits; those of a row may depend on how many rows there are. Calls come from one thread at a
 * time, a platform thread; steady calls allocate nothing.
 *
 * <p>Mapped weights are copied to the GPU too; the copies end with the engine.
 */
public final class CublasLtMatmul implements MatmulEngine, AutoCloseable {
    private final CublasLt library;
    private final GpuQueue queue;
    private final DeviceWeights weights;
    private final WeightGradients gradients;
    private final DeviceBuffer inputs;
    private final DeviceBuffer outputs;
    private final ScaleBuffer scales;
    private final ExpertRows rows = new ExpertRows();
    private final Weight[] single = new Weight[1];
    private final ActivationRows.Rounded rounded = new ActivationRows.Rounded();
    private final ActivationRows.QuantizedRows quantized;
    private final ActivationRows.Output output = new ActivationRows.Output();

    /** An engine on the device of {@code library}; library and team stay the caller's, and outlive the engine. */
    public CublasLtMatmul(CublasLt library, Team team) {
        this.library = library;
        queue = new GpuQueue(library, team);
        weights = new DeviceWeights(library, queue);
        gradients = new WeightGradients(queue, team.threads());
        inputs = new DeviceBuffer(queue.device);
        outputs = new DeviceBuffer(queue.device);
        scales = new ScaleBuffer(queue.stream);
        quantized = new ActivationRows.QuantizedRows(team.threads());
    }

    @Override
    public Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        checkFormat(value, format);
        if (grad != null) check("gradient", grad, value.rows(), value.cols());
        return weights.prepare(arena, value, grad, format);
    }

    /** {@inheritDoc} The GPU has a copy; format BF16 rounds f32 values. */
    @Override
    public Weight map(Tensor value, Format format) {
        checkFormat(value, format);
        return weights.map(value, format);
    }

    /** {@inheritDoc} The GPU has a copy; in format BF16 it is of codes times scales, rounded to BF16. */
    @Override
    public Weight map(BlockScaled value, Format format) {
        checkFormat(value.codes(), format);
        return weights.map(value, format);
    }

    private static void checkFormat(Tensor value, Format format) {
        if (format == Format.F32) {
            throw new TensorException(value + ": the cuBLASLt engine multiplies in bf16 and fp8; f32 stays on the CPU");
        }
    }

    @Override
    public void refresh(Weight[] some) {
        weights.refresh(some);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight w, Accumulate mode) {
        single[0] = w;
        rows.whole(x.rows());
        multiply(y, x, single, mode, false);
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight w, Accumulate mode) {
        single[0] = w;
        rows.whole(dy.rows());
        multiply(dx, dy, single, mode, true);
    }

    @Override
    public void weightGrad(Weight w, Tensor dy, Tensor x) {
        single[0] = w;
        rows.whole(x.rows());
        addWeightGrads(single, dy, x);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight[] experts, Tensor offsets) {
        rows.groups(experts, offsets, x.rows());
        multiply(y, x, experts, Accumulate.WRITE, false);
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight[] experts, Tensor offsets, Accumulate mode) {
        rows.groups(experts, offsets, dy.rows());
        multiply(dx, dy, experts, mode, true);
    }

    @Override
    public void weightGrad(Weight[] experts, Tensor dy, Tensor x, Tensor offsets) {
        rows.groups(experts, offsets, x.rows());
        addWeightGrads(experts, dy, x);
    }

    @Override
    public String describe() {
        String fp8 = library.whyNotBlockScaled().isEmpty() ? " and FP8 with scales of blocks" : "";
        return "cuBLASLt %s on %s, BF16%s, f32 sums".formatted(CublasLt.version(), queue.device.name(), fp8);
    }

    /** {@code out = in Wᵀ}, or {@code out = in W} for the gradient of inputs: all rows travel, then all products run. */
    private void multiply(Tensor out, Tensor in, Weight[] weights, Accumulate mode, boolean inputGrad) {
        DeviceWeight like = DeviceWeights.alike(weights, inputGrad);
        check(inputGrad ? "dy" : "x", in, in.rows(), inputGrad ? like.n() : like.k());
        check(inputGrad ? "dx" : "y", out, in.rows(), inputGrad ? like.k() : like.n());
        if (rows.allPlaces() == 0) return;
        queue.device.makeCurrent();
        int depth = inputGrad ? like.rows() : like.cols();
        int cols = inputGrad ? like.cols() : like.rows();
        boolean fp8 = like.format() == Format.FP8;
        Kind kind = fp8 ? Kind.FP8 : inputGrad ? Kind.BF16_INPUT_GRAD : Kind.BF16_FORWARD;
        long rowBytes = (long) depth * (fp8 ? 1 : 2), outBytes = (long) Float.BYTES * cols;
        long scaleBytes = fp8 ? (long) Float.BYTES * Math.ceilDiv(depth, Fp8Rows.BLOCK) : 0; // of a row
        long input = inputs.reserve(rows.allPlaces() * rowBytes);
        long result = outputs.reserve(rows.allPlaces() * outBytes);
        long scale = fp8 ? scales.reserve(rows.allPlaces() * scaleBytes) : 0;
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) > 0) stage(in, e, input + rows.place(e) * rowBytes, rowBytes, scaleBytes, inputGrad);
        }
        if (fp8) scales.upload();
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) == 0) continue;
            DeviceWeight w = (DeviceWeight) weights[e];
            long a = fp8 && inputGrad ? w.transposed() : w.data();
            long aScales = fp8 && inputGrad ? w.transposedScales() : w.scales();
            long b = input + rows.place(e) * rowBytes, bScales = scale + rows.place(e) * scaleBytes;
            long d = result + rows.place(e) * outBytes;
            queue.run(kind, cols, rows.paddedRows(e), depth, a, aScales, b, bScales, d);
        }
        output.mode = mode;
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) == 0) continue;
            output.point(out, rows.start(e), rows.rows(e));
            queue.transfer.download(result + rows.place(e) * outBytes, rows.rows(e), outBytes, output);
        }
    }

    /** The rows of one expert; the GPU's rows behind them keep what they hold, which reaches no row that is read. */
    private void stage(Tensor in, int e, long to, long rowBytes, long scaleBytes, boolean isGradient) {
        if (scaleBytes == 0) {
            rounded.point(in, rows.start(e), rows.rows(e));
            queue.transfer.upload(to, rows.rows(e), rowBytes, rounded);
            return;
        }
        quantized.point(in, rows.start(e), rows.rows(e));
        quantized.reserve();
        quantized.isGradient = isGradient;
        quantized.scaleTo(scales.segment(), rows.place(e) * scaleBytes, (long) Float.BYTES * rows.paddedRows(e));
        queue.transfer.upload(to, rows.rows(e), rowBytes, quantized);
    }

    private void addWeightGrads(Weight[] weights, Tensor dy, Tensor x) {
        DeviceWeight like = DeviceWeights.alike(weights, true);
        check("dy", dy, x.rows(), like.n());
        check("x", x, x.rows(), like.k());
        queue.device.makeCurrent();
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) > 0) gradients.add((DeviceWeight) weights[e], dy, x, rows, e);
        }
    }

    private static void check(String name, Tensor tensor, int rows, int cols) {
        if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.cols() != cols) {
            throw new TensorException("%s is %s; the product needs f32[%d, %d]".formatted(name, tensor, rows, cols));
        }
    }

    /** Frees what the engine has on the GPU, mapped weights among it; weights of other arenas end with those. */
    @Override
    public void close() {
        gradients.close();
        scales.close();
        outputs.close();
        inputs.close();
        queue.close();
        weights.close();
    }
}
