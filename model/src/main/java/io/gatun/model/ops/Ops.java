package io.gatun.model.ops;

import io.gatun.kernels.MatmulEngine;
import io.gatun.tensor.DType;
import io.gatun.tensor.Place;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * What a layer may ask of the hardware, in the words of the paper. A layer never knows which implementation it runs on, and an
 * implementation never knows which layer calls it. Verbs write their first arguments, read the others, check shapes before
 * memory is touched ({@link io.gatun.tensor.TensorException}) and allocate nothing. Matrices are {@code [rows, columns]} with
 * rows that may be strided; {@code rows} are tokens, sequence after sequence.
 */
public interface Ops {
    /** Where this implementation's tensors lie. */
    default Place place() {
        return Place.HOST;
    }

    /** The type of activations, weights, gradients: F32 on hardware, F64 in the reference. */
    DType real();

    /** The three products of linear layers, and of groups of experts. */
    MatmulEngine products();

    Attention attention();

    Experts experts();

    Elementwise elementwise();

    /** A zeroed tensor in this implementation's memory. */
    default Tensor zeros(Arena arena, DType dtype, long... shape) {
        return Tensor.zeros(arena, dtype, shape);
    }

    /** A zeroed tensor of {@link #real} numbers in this implementation's memory. */
    default Tensor reals(Arena arena, long... shape) {
        return zeros(arena, real(), shape);
    }

    /** A zeroed tensor of 32-bit integers in this implementation's memory. */
    default Tensor ints(Arena arena, long... shape) {
        return zeros(arena, DType.I32, shape);
    }

    /** {@code host}, which does not change, in this implementation's memory: itself, or a copy that {@code arena} owns. */
    default Tensor resident(Arena arena, Tensor host) {
        return host;
    }

    /** A tensor in host memory to exchange the numbers of {@code tensor} with: itself, or one of the same type and shape. */
    default Tensor onHost(Tensor tensor) {
        return tensor;
    }

    /** Copies from host memory; nothing is to be done where {@code host} is {@code to} itself. */
    default void upload(Tensor to, Tensor host) {
        if (to != host) to.copyFrom(host);
    }

    /** Copies to host memory when all work before is done; nothing is to be done where {@code host} is {@code from} itself. */
    default void download(Tensor host, Tensor from) {
        if (host != from) host.copyFrom(from);
    }

    /** Copies a tensor without gaps to another of the same type and shape. */
    default void copy(Tensor to, Tensor from) {
        to.copyFrom(from);
    }
}
