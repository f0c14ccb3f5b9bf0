package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8Rows;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;

/** The weights of an engine on the GPU: how they come there, and whether those of a product fit. Mapped ones end with it. */
final class DeviceWeights implements AutoCloseable {
    private final CublasLt library;
    private final GpuQueue queue;
    private final Arena mapped = Arena.ofShared();

    DeviceWeights(CublasLt library, GpuQueue queue) {
        this.library = library;
        this.queue = queue;
    }

    /** As {@link io.gatun.kernels.MatmulEngine#prepare} says. */
    Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        checkFormat(value, format);
        if (value.rank() != 2 || value.dtype() != DType.F32 && value.dtype() != DType.BF16) {
            throw new TensorException("a weight is f32[n, k] or bf16[n, k]; this is " + value);
        }
        return uploaded(new DeviceWeight(queue.device, arena, value, grad, format));
    }

    Weight map(Tensor value, Format format) {
        if (format == Format.FP8) {
            throw new TensorException(
                    "%s: products in fp8 need a block-scaled weight, codes with their scales".formatted(value));
        }
        return prepare(mapped, value, null, format);
    }

    Weight map(BlockScaled value, Format format) {
        checkFormat(value.codes(), format);
        boolean square = value.blockRows() == Fp8Rows.BLOCK && value.blockCols() == Fp8Rows.BLOCK;
        if (format == Format.FP8 && !square) {
            throw new TensorException("%s in blocks of %d x %d: cuBLASLt multiplies blocks of 128 x 128"
                    .formatted(value.codes(), value.blockRows(), value.blockCols()));
        }
        return uploaded(new DeviceWeight(queue.device, mapped, value, format));
    }

    private void checkFormat(Tensor value, Format format) {
        String why = format == Format.FP8 ? library.whyNotBlockScaled() : "";
        if (!why.isEmpty()) throw new TensorException(value + ": " + why);
    }

    private Weight uploaded(DeviceWeight weight) {
        queue.device.makeCurrent();
        weight.upload(queue.transfer);
        return weight;
    }

    void refresh(Weight[] weights) {
        queue.device.makeCurrent();
        for (Weight weight : weights) own(weight, false).upload(queue.transfer);
    }

    static DeviceWeight own(Weight weight, boolean trained) {
        if (!(weight instanceof DeviceWeight own)) {
            throw new TensorException("the weight " + weight.value() + " was prepared by another engine");
        }
        if (trained && own.grad() == null) {
            throw new TensorException("the weight " + weight.value() + " was prepared without a gradient");
        }
        return own;
    }

    /** Checks that weights can share a product; gives the first. */
    static DeviceWeight alike(Weight[] weights, boolean trained) {
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

    @Override
    public void close() {
        mapped.close();
    }
}
