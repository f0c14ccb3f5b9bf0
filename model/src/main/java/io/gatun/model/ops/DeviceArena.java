package io.gatun.model.ops;

import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.DeviceMemory;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;

/** Tensors in the memory of a GPU, and their way there and back in one stream. Any arena may own them. */
final class DeviceArena {
    private final CudaStream stream;

    DeviceArena(CudaStream stream) {
        this.stream = stream;
    }

    /** A zeroed tensor that lives as long as {@code arena}. */
    Tensor zeros(Arena arena, DType dtype, long... shape) {
        Tensor tensor = allocate(arena, dtype, shape);
        if (tensor.count() > 0) stream.fill(tensor.deviceAddress(), (byte) 0, bytes(tensor));
        return tensor;
    }

    /** {@code before} where it has {@code count} elements, else a longer one, whose memory goes with its last view. */
    Tensor atLeast(Tensor before, DType dtype, long count) {
        if (before != null && before.count() >= count) return before;
        return zeros(Arena.ofAuto(), dtype, before == null ? count : Math.max(count, 2 * before.count()));
    }

    CudaStream stream() {
        return stream;
    }

    /** A copy of a host tensor that lives as long as {@code arena}. */
    Tensor copyOf(Arena arena, Tensor host) {
        Tensor copy = allocate(arena, host.dtype(), host.shape());
        upload(copy, host);
        return copy;
    }

    private Tensor allocate(Arena arena, DType dtype, long[] shape) {
        Tensor like = Tensor.onDevice(0, dtype, shape); // knows its size
        long address =
                DeviceMemory.allocate(stream.device(), arena, bytes(like)).address();
        return Tensor.onDevice(arena, address, dtype, shape);
    }

    /**
     * Rows to the GPU. The host's memory may change when this returns: the driver copies what is not pinned before it goes on, so there is
     * nothing to wait for.
     */
    void upload(Tensor to, Tensor host) {
        same(to, host);
        stream.device().makeCurrent();
        long count = blocks(to, host), bytes = bytes(to) / Math.max(1, count);
        for (long r = 0; r < count; r++) {
            stream.upload(to.deviceAddress() + r * strideBytes(to), host.data(), r * strideBytes(host), bytes);
        }
    }

    /** Rows from the GPU, when all work before is done. */
    void download(Tensor host, Tensor from) {
        same(host, from);
        stream.device().makeCurrent();
        long count = blocks(from, host), bytes = bytes(from) / Math.max(1, count);
        for (long r = 0; r < count; r++) {
            stream.download(host.data(), r * strideBytes(host), from.deviceAddress() + r * strideBytes(from), bytes);
        }
        stream.synchronize();
    }

    /** A copy inside the GPU, of tensors without gaps. */
    void copy(Tensor to, Tensor from) {
        same(to, from);
        if (!to.isContiguous() || !from.isContiguous()) {
            throw new TensorException("copy: %s or %s has gaps between its rows".formatted(to, from));
        }
        stream.device().makeCurrent();
        if (to.count() > 0) stream.copy(to.deviceAddress(), from.deviceAddress(), bytes(to));
    }

    private static void same(Tensor to, Tensor from) {
        if (to.dtype() != from.dtype() || to.rows() != from.rows() || to.cols() != from.cols()) {
            throw new TensorException("cannot copy %s into %s".formatted(from, to));
        }
    }

    /** Pieces without gaps: all in one, or each row. */
    private static long blocks(Tensor a, Tensor b) {
        if (a.count() == 0) return 0;
        return a.isContiguous() && b.isContiguous() ? 1 : a.rows();
    }

    private static long strideBytes(Tensor tensor) {
        return tensor.rowStride() * tensor.dtype().bytes();
    }

    private static long bytes(Tensor tensor) {
        return tensor.count() * tensor.dtype().bytes();
    }
}
