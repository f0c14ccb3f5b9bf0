package io.gatun.kernels;

import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A weight of {@link VectorMatmul}: its values in panels, for {@code x Wᵀ} and, when it is trained, for {@code dy W}. */
final class PackedWeight extends Weight {
    private final MemorySegment forward;
    private final MemorySegment inputGrad; // null for a weight that is not trained

    PackedWeight(Arena arena, Tensor value, Tensor grad, Format format) {
        super(value, grad, format);
        forward = arena.allocate(Math.max(1, Float.BYTES * Panels.size(k(), n())), 64);
        inputGrad = grad == null ? null : arena.allocate(Math.max(1, Float.BYTES * Panels.size(n(), k())), 64);
    }

    boolean isTrained() {
        return inputGrad != null;
    }

    boolean roundsToBf16() {
        return format() == Format.BF16;
    }

    /** The panels of {@code Wᵀ} [k, n]. */
    MemorySegment forward() {
        return forward;
    }

    /** The panels of {@code W} [n, k]; null for a weight that is not trained. */
    MemorySegment inputGrad() {
        return inputGrad;
    }

    /** Packs {@code cols} outputs of {@code w}, the f32 values of this weight, for {@code x Wᵀ}; {@code from} begins a panel. */
    void packForward(Tensor w, int from, int cols) {
        long stride = w.rowStride();
        Panels.packTransposed(forward, (long) from * k(), w.data(), from * stride, stride, k(), cols, roundsToBf16());
    }

    /** Packs {@code cols} inputs of {@code w}, the f32 values of this weight, for {@code dy W}; {@code from} begins a panel. */
    void packInputGrad(Tensor w, int from, int cols) {
        Panels.packColumns(inputGrad, (long) from * n(), w.data(), from, w.rowStride(), n(), cols, roundsToBf16());
    }

    @Override
    public long preparedBytes() {
        return forward.byteSize() + (inputGrad == null ? 0 : inputGrad.byteSize());
    }
}
