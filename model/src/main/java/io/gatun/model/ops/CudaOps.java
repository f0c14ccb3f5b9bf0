package io.gatun.model.ops;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.nvrtc.CubinCache;
import io.gatun.ffm.nvrtc.Nvrtc;
import io.gatun.kernels.MatmulEngine;
import io.gatun.model.engine.DeviceMatmul;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Place;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * {@link Ops} on a GPU, with every tensor there: products by cuBLASLt, the rest by our kernels, all in one stream. Verbs return when their
 * work is queued; those that give a number, {@link #download} and products over groups wait for it. Forward only: verbs of gradients throw
 * {@link UnsupportedOperationException}. Used by one thread at a time, a platform thread.
 */
public final class CudaOps implements Ops, AutoCloseable {
    private final DeviceMatmul products;
    private final DeviceArena memory;
    private final Attention attention;
    private final Experts experts;
    private final Elementwise elementwise;

    /**
     * Everything on the device of {@code library}. Library and team stay the caller's; the team rounds weights on their way to the GPU.
     *
     * @param cache where kernels are kept that {@code compiler} made
     */
    public CudaOps(CublasLt library, Nvrtc compiler, CubinCache cache, Team team) {
        products = new DeviceMatmul(library, compiler, cache, team);
        memory = new DeviceArena(products.stream());
        attention = new CudaAttention(products, memory);
        experts = new CudaExperts(products.kernels(), memory);
        elementwise = new CudaElementwise(products.kernels(), memory);
    }

    @Override
    public Place place() {
        return Place.DEVICE;
    }

    @Override
    public DType real() {
        return DType.F32;
    }

    @Override
    public MatmulEngine products() {
        return products;
    }

    @Override
    public Attention attention() {
        return attention;
    }

    @Override
    public Experts experts() {
        return experts;
    }

    @Override
    public Elementwise elementwise() {
        return elementwise;
    }

    @Override
    public Tensor zeros(Arena arena, DType dtype, long... shape) {
        return memory.zeros(arena, dtype, shape);
    }

    @Override
    public Tensor resident(Arena arena, Tensor host) {
        return memory.copyOf(arena, host);
    }

    @Override
    public Tensor onHost(Tensor tensor) {
        return Tensor.zeros(Arena.ofAuto(), tensor.dtype(), tensor.shape());
    }

    @Override
    public void upload(Tensor to, Tensor host) {
        memory.upload(to, host);
    }

    @Override
    public void download(Tensor host, Tensor from) {
        memory.download(host, from);
    }

    @Override
    public void copy(Tensor to, Tensor from) {
        memory.copy(to, from);
    }

    static UnsupportedOperationException forwardOnly(String verb) {
        return new UnsupportedOperationException(verb + ": the resident GPU path has forward verbs only");
    }

    /** Frees what is on the GPU but for tensors, which end with their arenas. */
    @Override
    public void close() {
        products.close();
    }
}
