package io.gatun.model.engine;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Products in F32, such as the gate's, on the CPU, all others on a GPU: each weight is of the engine that its format asks for. */
public final class HybridMatmul implements MatmulEngine {
    private final MatmulEngine gpu;
    private final MatmulEngine cpu;

    /** Both engines stay the caller's. */
    public HybridMatmul(MatmulEngine gpu, MatmulEngine cpu) {
        this.gpu = gpu;
        this.cpu = cpu;
    }

    private MatmulEngine of(Format format) {
        return format == Format.F32 ? cpu : gpu;
    }

    @Override
    public Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        return of(format).prepare(arena, value, grad, format);
    }

    @Override
    public Weight map(Tensor value, Format format) {
        return of(format).map(value, format);
    }

    @Override
    public Weight map(BlockScaled value, Format format) {
        return of(format).map(value, format);
    }

    @Override
    public void refresh(Weight[] weights) {
        List<Weight> onGpu = new ArrayList<>(), onCpu = new ArrayList<>();
        for (Weight weight : weights) (of(weight.format()) == gpu ? onGpu : onCpu).add(weight);
        gpu.refresh(onGpu.toArray(Weight[]::new));
        cpu.refresh(onCpu.toArray(Weight[]::new));
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight w, Accumulate mode) {
        of(w.format()).forward(y, x, w, mode);
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight w, Accumulate mode) {
        of(w.format()).inputGrad(dx, dy, w, mode);
    }

    @Override
    public void weightGrad(Weight w, Tensor dy, Tensor x) {
        of(w.format()).weightGrad(w, dy, x);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight[] experts, Tensor offsets) {
        of(experts[0].format()).forward(y, x, experts, offsets);
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight[] experts, Tensor offsets, Accumulate mode) {
        of(experts[0].format()).inputGrad(dx, dy, experts, offsets, mode);
    }

    @Override
    public void weightGrad(Weight[] experts, Tensor dy, Tensor x, Tensor offsets) {
        of(experts[0].format()).weightGrad(experts, dy, x, offsets);
    }

    @Override
    public String describe() {
        return gpu.describe() + "; f32 products on the CPU: " + cpu.describe();
    }
}
