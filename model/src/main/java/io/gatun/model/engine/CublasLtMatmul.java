package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cublaslt.MatmulPlan;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.DeviceMemory;
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
    private final CudaDevice device;
    private final Arena mapped = Arena.ofShared();
    private final CudaStream stream;
    private final RowTransfer transfer;
    private final PlanTable plans;
    private final DeviceMemory workspace;
    private final DeviceBuffer inputs;
    private final DeviceBuffer moreInputs; // the other operand of weight gradients
    private final DeviceBuffer outputs;
    private final ScaleBuffer scales;
    private final ScaleBuffer moreScales;

    private final ExpertRows rows = new ExpertRows();
    private final Weight[] single = new Weight[1];
    private final ActivationRows.Rounded rounded = new ActivationRows.Rounded();
    private final ActivationRows.Plain plain = new ActivationRows.Plain();
    private final ActivationRows.Output output = new ActivationRows.Output();
    private final ActivationRows.QuantizedRows quantizedRows;
    private final ActivationRows.QuantizedColumns quantizedColumns;

    /** An engine on the device of {@code library}; library and team stay the caller's, and outlive the engine. */
    public CublasLtMatmul(CublasLt library, Team team) {
        this.library = library;
        device = library.device();
        stream = new CudaStream(device);
        transfer = new RowTransfer(stream, team);
        plans = new PlanTable(library);
        workspace = DeviceMemory.allocate(device, MatmulPlan.WORKSPACE_BYTES);
        inputs = new DeviceBuffer(device);
        moreInputs = new DeviceBuffer(device);
        outputs = new DeviceBuffer(device);
        scales = new ScaleBuffer(stream);
        moreScales = new ScaleBuffer(stream);
        quantizedRows = new ActivationRows.QuantizedRows(team.threads());
        quantizedColumns = new ActivationRows.QuantizedColumns(team.threads());
    }

    @Override
    public Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        checkFormat(value, format);
        if (value.rank() != 2 || value.dtype() != DType.F32 && value.dtype() != DType.BF16) {
            throw new TensorException("a weight is f32[n, k] or bf16[n, k]; this is " + value);
        }
        if (grad != null) check("gradient", grad, value.rows(), value.cols());
        return uploaded(new DeviceWeight(device, arena, value, grad, format));
    }

    /** {@inheritDoc} The GPU has a copy; format BF16 rounds f32 values. */
    @Override
    public Weight map(Tensor value, Format format) {
        if (format == Format.FP8) {
            throw new TensorException(
                    "%s: products in fp8 need a block-scaled weight, codes with their scales".formatted(value));
        }
        return prepare(mapped, value, null, format);
    }

    /** {@inheritDoc} The GPU has a copy; in format BF16 it is of codes times scales, rounded to BF16. */
    @Override
    public Weight map(BlockScaled value, Format format) {
        checkFormat(value.codes(), format);
        boolean square = value.blockRows() == Fp8Rows.BLOCK && value.blockCols() == Fp8Rows.BLOCK;
        if (format == Format.FP8 && !square) {
            throw new TensorException("%s in blocks of %d x %d: cuBLASLt multiplies blocks of 128 x 128"
                    .formatted(value.codes(), value.blockRows(), value.blockCols()));
        }
        return uploaded(new DeviceWeight(device, mapped, value, format));
    }

    private void checkFormat(Tensor value, Format format) {
        if (format == Format.F32) {
            throw new TensorException(value + ": the cuBLASLt engine multiplies in bf16 and fp8; f32 stays on the CPU");
        }
        String why = format == Format.FP8 ? library.whyNotBlockScaled() : "";
        if (!why.isEmpty()) throw new TensorException(value + ": " + why);
    }

    private Weight uploaded(DeviceWeight weight) {
        device.makeCurrent();
        weight.upload(transfer);
        return weight;
    }

    @Override
    public void refresh(Weight[] weights) {
        device.makeCurrent();
        for (Weight weight : weights) own(weight, false).upload(transfer);
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
        return "cuBLASLt %s on %s, BF16%s, f32 sums".formatted(CublasLt.version(), device.name(), fp8);
    }

    /** {@code out = in Wᵀ}, or {@code out = in W} for the gradient of inputs: all rows travel, then all products run. */
    private void multiply(Tensor out, Tensor in, Weight[] weights, Accumulate mode, boolean inputGrad) {
        DeviceWeight like = alike(weights, inputGrad);
        check(inputGrad ? "dy" : "x", in, in.rows(), inputGrad ? like.n() : like.k());
        check(inputGrad ? "dx" : "y", out, in.rows(), inputGrad ? like.k() : like.n());
        if (rows.allPlaces() == 0) return;
        device.makeCurrent();
        int depth = inputGrad ? like.rows() : like.cols();
        int cols = inputGrad ? like.cols() : like.rows();
        boolean fp8 = like.format() == Format.FP8;
        long rowBytes = (long) depth * (fp8 ? 1 : 2);
        long blocks = fp8 ? Math.ceilDiv(depth, Fp8Rows.BLOCK) : 0;
        long input = inputs.reserve(rows.allPlaces() * rowBytes);
        long result = outputs.reserve(rows.allPlaces() * 4L * cols);
        long scale = fp8 ? scales.reserve(4 * blocks * rows.allPlaces()) : 0;
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) > 0) stageRows(in, e, input + rows.place(e) * rowBytes, rowBytes, blocks, inputGrad);
        }
        if (fp8) scales.upload();
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) == 0) continue;
            DeviceWeight w = (DeviceWeight) weights[e];
            Kind kind = fp8 ? Kind.FP8 : inputGrad ? Kind.BF16_INPUT_GRAD : Kind.BF16_FORWARD;
            plans.get(kind, cols, rows.paddedRows(e), depth)
                    .run(
                            fp8 && inputGrad ? w.transposed() : w.data(),
                            fp8 && inputGrad ? w.transposedScales() : w.scales(),
                            input + rows.place(e) * rowBytes,
                            scale + 4 * blocks * rows.place(e),
                            result + rows.place(e) * 4L * cols,
                            workspace.address(),
                            stream.handle());
        }
        output.mode = mode;
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) == 0) continue;
            output.point(out, rows.start(e), rows.rows(e));
            transfer.download(result + rows.place(e) * 4L * cols, rows.rows(e), 4L * cols, output);
        }
    }

    /** The rows of one expert; the GPU's rows behind them keep what they hold, which reaches no row that is read. */
    private void stageRows(Tensor in, int e, long to, long rowBytes, long blocks, boolean isGradient) {
        if (blocks == 0) {
            rounded.point(in, rows.start(e), rows.rows(e));
            transfer.upload(to, rows.rows(e), rowBytes, rounded);
            return;
        }
        quantizedRows.point(in, rows.start(e), rows.rows(e));
        quantizedRows.reserve();
        quantizedRows.isGradient = isGradient;
        quantizedRows.scaleTo(scales.segment(), 4 * blocks * rows.place(e), 4L * rows.paddedRows(e));
        transfer.upload(to, rows.rows(e), rowBytes, quantizedRows);
    }

    /** {@code dW += dyᵀ x}, one weight after another: its gradient travels to the GPU, is added to there, and travels back. */
    private void addWeightGrads(Weight[] weights, Tensor dy, Tensor x) {
        DeviceWeight like = alike(weights, true);
        check("dy", dy, x.rows(), like.n());
        check("x", x, x.rows(), like.k());
        if (rows.allPlaces() == 0) return;
        device.makeCurrent();
        boolean fp8 = like.format() == Format.FP8;
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) == 0) continue;
            int tokens = rows.paddedRows(e);
            long left, right;
            if (fp8) {
                left = stageColumns(x, e, inputs, scales, like.cols(), false);
                right = stageColumns(dy, e, moreInputs, moreScales, like.rows(), true);
            } else {
                left = stageTokens(x, e, inputs, like.cols());
                right = stageTokens(dy, e, moreInputs, like.rows());
            }
            long rowBytes = 4L * like.cols();
            long result = outputs.reserve(like.rows() * rowBytes);
            plain.point(weights[e].grad(), 0, like.n());
            transfer.upload(result, like.rows(), rowBytes, plain);
            plans.get(fp8 ? Kind.FP8_WEIGHT_GRAD : Kind.BF16_WEIGHT_GRAD, like.cols(), like.rows(), tokens)
                    .run(
                            left,
                            fp8 ? scales.address() : 0,
                            right,
                            fp8 ? moreScales.address() : 0,
                            result,
                            workspace.address(),
                            stream.handle());
            output.mode = Accumulate.WRITE;
            output.point(weights[e].grad(), 0, like.n());
            transfer.download(result, like.n(), rowBytes, output);
        }
    }

    /** Rows of one expert as bf16 [tokens, cols]: tokens that are none are zeros, since sums run over them. */
    private long stageTokens(Tensor in, int e, DeviceBuffer to, int cols) {
        long address = to.reserve(2L * rows.paddedRows(e) * cols);
        rounded.point(in, rows.start(e), rows.rows(e));
        transfer.upload(address, rows.paddedRows(e), 2L * cols, rounded);
        return address;
    }

    /** Rows of one expert as codes [cols, tokens], quantised along tokens. */
    private long stageColumns(Tensor in, int e, DeviceBuffer to, ScaleBuffer scale, int cols, boolean isGradient) {
        int tokens = rows.paddedRows(e);
        long address = to.reserve((long) cols * tokens);
        scale.reserve(4L * cols * Math.ceilDiv(tokens, Fp8Rows.BLOCK));
        quantizedColumns.point(in, rows.start(e), rows.rows(e));
        quantizedColumns.reserve(tokens);
        quantizedColumns.isGradient = isGradient;
        quantizedColumns.scaleTo(scale.segment(), 0, 4L * cols);
        transfer.upload(address, cols, tokens, quantizedColumns);
        scale.upload();
        return address;
    }

    private static DeviceWeight own(Weight weight, boolean trained) {
        if (!(weight instanceof DeviceWeight own)) {
            throw new TensorException("the weight " + weight.value() + " was prepared by another engine");
        }
        if (trained && own.grad() == null) {
            throw new TensorException("the weight " + weight.value() + " was prepared without a gradient");
        }
        return own;
    }

    /** Checks that weights can share a product; gives the first. */
    private static DeviceWeight alike(Weight[] weights, boolean trained) {
        DeviceWeight first = own(weights[0], trained);
        for (int e = 1; e < weights.length; e++) {
            DeviceWeight w = own(weights[e], trained);
            if (w.n() != first.n() || w.k() != first.k() || w.format() != first.format()) {
                throw new TensorException("expert %d has the weight %s for products in %s; the first has %s for %s"
                        .formatted(e, w.value(), w.format(), first.value(), first.format()));
            }
        }
        return first;
    }

    private static void check(String name, Tensor tensor, int rows, int cols) {
        if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.cols() != cols) {
            throw new TensorException("%s is %s; the product needs f32[%d, %d]".formatted(name, tensor, rows, cols));
        }
    }

    /** Frees what the engine has on the GPU, mapped weights among it; weights of other arenas end with those. */
    @Override
    public void close() {
        device.makeCurrent();
        stream.synchronize();
        moreScales.close();
        scales.close();
        outputs.close();
        moreInputs.close();
        inputs.close();
        workspace.close();
        transfer.close();
        stream.close();
        mapped.close();
    }
}
