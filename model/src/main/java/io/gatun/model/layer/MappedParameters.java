package io.gatun.model.layer;

import io.gatun.kernels.Weight;
import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.config.Fp8Blocks;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.Compute;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/**
 * The parameters of a checkpoint where they lie in its mapped files: F32, BF16, FP8 with scales. Only gains and selection biases,
 * which are small, are copied, to F32.
 */
public final class MappedParameters implements Parameters {
    private final Ops ops;
    private final Arena arena;
    private final Checkpoint checkpoint;
    private final Compute compute;
    private final Map<String, ParameterSpec> specs = new HashMap<>();

    /**
     * Parameters of {@code checkpoint}, which stays mapped as long as they are used.
     *
     * @param arena owns the copies of gains and biases
     */
    public MappedParameters(Ops ops, Arena arena, Checkpoint checkpoint, Compute compute) {
        this.ops = ops;
        this.arena = arena;
        this.checkpoint = checkpoint;
        this.compute = compute;
        for (ParameterSpec spec : ModelParameters.of(checkpoint.config())) specs.put(spec.name(), spec);
    }

    /** {@inheritDoc} Layers ask for each weight once. */
    @Override
    public Weight linear(String name) {
        Tensor stored = checkpoint.tensor(name);
        var format = compute.format(specs.get(name).role(), stored.dtype());
        if (stored.dtype() != DType.F8_E4M3) return ops.products().map(stored, format);
        Fp8Blocks blocks = checkpoint.fp8Blocks().orElseThrow();
        return ops.products()
                .map(new BlockScaled(stored, checkpoint.scales(name), blocks.rows(), blocks.cols()), format);
    }

    @Override
    public Parameter plain(String name) {
        ParameterSpec spec = specs.get(name);
        Tensor stored = checkpoint.tensor(name);
        boolean inPlace =
                spec.role() == Role.EMBEDDING && (stored.dtype() == DType.F32 || stored.dtype() == DType.BF16);
        if (inPlace) return new Parameter(ops.resident(arena, stored), null);
        Tensor copy = Tensor.zeros(arena, ops.real(), spec.shape());
        checkpoint.read(spec, copy);
        return new Parameter(ops.resident(arena, copy), null);
    }

    @Override
    public long storedBytes(ParameterSpec spec) {
        Tensor stored = checkpoint.tensor(spec.name());
        long bytes = stored.count() * stored.dtype().bytes();
        return stored.dtype() == DType.F8_E4M3
                ? bytes + 4 * checkpoint.scales(spec.name()).count()
                : bytes;
    }
}
