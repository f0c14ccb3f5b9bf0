package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.nvrtc.CubinCache;
import io.gatun.ffm.nvrtc.Nvrtc;
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
 * The products on a GPU by cuBLASLt, of tensors that lie there: in F32, BF16, and FP8 with scales of blocks (SPEC 5.6). Inputs are rounded or
 * quantised by kernels, outputs are FP32. A product returns when it is queued in {@link #stream}; one over groups waits for their offsets.
 * Repeated runs give the same bits; those of a row may depend on how many rows there are. Forward only. Calls come from one thread at a time,
 * a platform thread; steady calls allocate nothing.
 *
 * <p>Mapped weights are copied to the GPU; the copies end with the engine.
 */
public final class DeviceMatmul implements MatmulEngine, AutoCloseable {
    private static final float SMALLEST_AMAX = 1e-4f; // of activations, as in the released code

    private final CublasLt library;
    private final GpuQueue queue;
    private final DeviceWeights weights;
    private final CudaKernels kernels;
    private final CudaKernel copyRows;
    private final CudaKernel roundRows;
    private final CudaKernel quantizeRows;
    private final DeviceBuffer inputs;
    private final DeviceBuffer scales;
    private final DeviceBuffer outputs;
    private final ExpertRows rows = new ExpertRows();
    private final Weight[] single = new Weight[1];
    private Tensor offsets; // of the experts, on the host

    /** An engine on the device of {@code library}; library and team stay the caller's, and outlive the engine. */
    public DeviceMatmul(CublasLt library, Nvrtc compiler, CubinCache cache, Team team) {
        this.library = library;
        queue = new GpuQueue(library, team);
        weights = new DeviceWeights(library, queue);
        kernels = new CudaKernels(queue.stream, compiler, cache);
        copyRows = kernels.kernel("elementwise", "sequence_rows");
        roundRows = kernels.kernel("elementwise", "f32_to_bf16");
        quantizeRows = kernels.kernel("quantize", "quantize_rows");
        inputs = new DeviceBuffer(queue.device);
        scales = new DeviceBuffer(queue.device);
        outputs = new DeviceBuffer(queue.device);
    }

    /** Where products are queued, and kernels. */
    public CudaStream stream() {
        return queue.stream;
    }

    /** The kernels that run between products. */
    public CudaKernels kernels() {
        return kernels;
    }

    @Override
    public Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        if (grad != null) throw new UnsupportedOperationException("prepare: weights are not trained on the GPU yet");
        return weights.prepare(arena, value, null, format);
    }

    /** {@inheritDoc} The value lies in host memory; the GPU has a copy in {@code format}. */
    @Override
    public Weight map(Tensor value, Format format) {
        return weights.map(value, format);
    }

    /** {@inheritDoc} The GPU has a copy; in formats F32 and BF16 it is of codes times scales, in BF16 rounded. */
    @Override
    public Weight map(BlockScaled value, Format format) {
        return weights.map(value, format);
    }

    @Override
    public void refresh(Weight[] some) {
        weights.refresh(some);
    }

    /**
     * Passes a weight of this engine to a kernel as it lies on the GPU: address and stride, and those of its scales where the format is FP8.
     */
    public CudaKernel pass(CudaKernel kernel, Weight weight) {
        DeviceWeight own = DeviceWeights.own(weight, false);
        kernel.address(own.data()).number((long) own.cols());
        if (own.format() != Format.FP8) return kernel;
        return kernel.address(own.scales()).number(DeviceWeight.scaleRowBytes(own.k()) / Float.BYTES);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight w, Accumulate mode) {
        single[0] = w;
        rows.whole(x.rows());
        multiply(y, x, single, mode);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight[] experts, Tensor offsets) {
        rows.groups(experts, onHost(offsets), x.rows());
        multiply(y, x, experts, Accumulate.WRITE);
    }

    /** The offsets of groups, which the router made on the GPU. */
    private Tensor onHost(Tensor onDevice) {
        if (offsets == null || offsets.count() != onDevice.count()) {
            offsets = Tensor.zeros(Arena.ofAuto(), DType.I32, onDevice.count());
        }
        if (onDevice.dtype() != DType.I32 || !onDevice.isContiguous()) {
            throw new TensorException("offsets are %s; asked for is i32 without gaps".formatted(onDevice));
        }
        queue.device.makeCurrent();
        queue.stream.download(offsets.data(), 0, onDevice.deviceAddress(), Integer.BYTES * offsets.count());
        queue.stream.synchronize();
        return offsets;
    }

    /** {@code y = x Wᵀ}: rows take the form of the products, all products run, and what they give goes where it belongs. */
    private void multiply(Tensor y, Tensor x, Weight[] all, Accumulate mode) {
        DeviceWeight like = DeviceWeights.alike(all, false);
        check("x", x, x.rows(), like.k());
        check("y", y, x.rows(), like.n());
        if (rows.allPlaces() == 0) return;
        queue.device.makeCurrent();
        int depth = like.cols(), cols = like.rows();
        boolean fp8 = like.format() == Format.FP8;
        long rowBytes = like.rowBytes(), outBytes = (long) Float.BYTES * cols;
        long scaleBytes = fp8 ? (long) Float.BYTES * Math.ceilDiv(depth, Fp8Rows.BLOCK) : 0; // of a row
        long input = inputs.reserve(rows.allPlaces() * rowBytes, queue.stream);
        long result = outputs.reserve(rows.allPlaces() * outBytes, queue.stream);
        long scale = fp8 ? scales.reserve(rows.allPlaces() * scaleBytes, queue.stream) : 0;
        boolean gaps = like.format() == Format.F32 && depth != like.k(); // between rows: other formats fill them
        if (gaps) queue.stream.fill(input, (byte) 0, rows.allPlaces() * rowBytes);
        for (int e = 0; e < rows.count(); e++) {
            if (rows.rows(e) == 0) continue;
            DeviceWeight w = (DeviceWeight) all[e];
            long b = input + rows.place(e) * rowBytes, bScales = scale + rows.place(e) * scaleBytes;
            long d = result + rows.place(e) * outBytes;
            stage(x, e, like, b, bScales);
            queue.run(kind(like.format()), cols, rows.paddedRows(e), depth, w.data(), w.scales(), b, bScales, d);
            copy(row(y, e), y.rowStride(), d, cols, rows.rows(e), y.cols(), mode);
        }
    }

    private static Kind kind(Format format) {
        return switch (format) {
            case F32 -> Kind.F32_FORWARD;
            case BF16 -> Kind.BF16_FORWARD;
            case FP8 -> Kind.FP8;
        };
    }

    private long row(Tensor matrix, int e) {
        return matrix.deviceAddress() + Float.BYTES * rows.start(e) * matrix.rowStride();
    }

    /** The rows of one expert; the rows behind them keep what they hold, which reaches no row that is read. */
    private void stage(Tensor x, int e, DeviceWeight like, long to, long scalesTo) {
        int count = rows.rows(e), padded = rows.paddedRows(e);
        switch (like.format()) {
            case F32 -> copy(to, like.cols(), row(x, e), x.rowStride(), count, x.cols(), Accumulate.WRITE);
            case BF16 ->
                roundRows
                        .with()
                        .address(to)
                        .number((long) like.cols())
                        .address(row(x, e))
                        .number(x.rowStride())
                        .number(x.cols())
                        .number(like.cols())
                        .run(count);
            case FP8 ->
                quantizeRows
                        .with()
                        .address(to)
                        .number((long) like.cols())
                        .address(scalesTo)
                        .number((long) padded)
                        .address(row(x, e))
                        .number(x.rowStride())
                        .number(count)
                        .number(padded)
                        .number(x.cols())
                        .number(like.cols())
                        .number(SMALLEST_AMAX)
                        .run(Math.ceilDiv(padded, 8), Math.ceilDiv(x.cols(), Fp8Rows.BLOCK), 1, CudaKernel.THREADS, 0);
        }
    }

    private void copy(long to, long toStride, long from, long fromStride, int count, int cols, Accumulate mode) {
        copyRows.with()
                .address(to)
                .number(toStride)
                .number(count)
                .address(from)
                .number(fromStride)
                .number(count)
                .number(cols)
                .number(mode == Accumulate.ADD ? 1 : 0)
                .run(count);
    }

    private static void check(String name, Tensor tensor, int rows, int cols) {
        if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.cols() != cols) {
            throw new TensorException("%s is %s; the product needs f32[%d, %d]".formatted(name, tensor, rows, cols));
        }
        tensor.deviceAddress(); // says so when the tensor lies elsewhere
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight w, Accumulate mode) {
        throw backward("inputGrad");
    }

    @Override
    public void weightGrad(Weight w, Tensor dy, Tensor x) {
        throw backward("weightGrad");
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight[] experts, Tensor offsets, Accumulate mode) {
        throw backward("inputGrad");
    }

    @Override
    public void weightGrad(Weight[] experts, Tensor dy, Tensor x, Tensor offsets) {
        throw backward("weightGrad");
    }

    private static UnsupportedOperationException backward(String verb) {
        return new UnsupportedOperationException(verb + ": the resident GPU path has forward products only");
    }

    @Override
    public String describe() {
        String fp8 = library.whyNotBlockScaled().isEmpty() ? " and FP8 with scales of blocks" : "";
        return "cuBLASLt %s on %s, everything resident, F32, BF16%s, f32 sums"
                .formatted(CublasLt.version(), queue.device.name(), fp8);
    }

    /** Frees what the engine has on the GPU, mapped weights among it; weights of other arenas end with those. */
    @Override
    public void close() {
        queue.device.makeCurrent();
        queue.stream.synchronize();
        kernels.close();
        outputs.close();
        scales.close();
        inputs.close();
        weights.close();
        queue.close();
    }
}
