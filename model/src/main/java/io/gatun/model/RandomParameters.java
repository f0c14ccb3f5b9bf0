package io.gatun.model;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Weight;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.layer.Parameter;
import io.gatun.model.layer.Parameters;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.Compute;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Seeded random weights in memory, of the types that a checkpoint would have: numbers are drawn from 65,536 quantiles of a normal
 * distribution (256 of its FP8 codes), which is quick and keeps activations in a sensible range.
 */
final class RandomParameters implements Parameters {
    private static final int BLOCK = 128;
    private static final int PIECE = 1 << 20; // elements that one task fills

    private final Ops ops;
    private final Arena arena;
    private final Team team;
    private final DType dtype;
    private final Compute compute;
    private final long seed;
    private final Map<String, ParameterSpec> specs = new HashMap<>();
    private final float[] normal = new float[1 << 16];

    RandomParameters(Ops ops, Arena arena, Team team, ModelConfig config, DType dtype, Compute compute, long seed) {
        if (dtype != DType.F32 && dtype != DType.BF16 && dtype != DType.F8_E4M3) {
            throw new ModelException("random weights are f32, bf16 or f8_e4m3, not " + dtype);
        }
        this.ops = ops;
        this.arena = arena;
        this.team = team;
        this.dtype = dtype;
        this.compute = compute;
        this.seed = seed;
        for (ParameterSpec spec : ModelParameters.of(config)) specs.put(spec.name(), spec);
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < normal.length; i++) normal[i] = (float) random.nextGaussian();
    }

    @Override
    public Weight linear(String name) {
        ParameterSpec spec = specs.get(name);
        boolean quantised = dtype == DType.F8_E4M3
                && spec.role() != Role.GATE
                && spec.role() != Role.HEAD
                && spec.role() != Role.MTP_PROJECTION;
        DType stored = quantised ? DType.F8_E4M3 : dtype == DType.F32 ? DType.F32 : DType.BF16;
        long rows = spec.shape()[0], cols = spec.shape()[1];
        float deviation = (float) (1 / Math.sqrt(cols));
        var format = compute.format(spec.role(), stored);
        if (stored != DType.F8_E4M3) return ops.products().map(numbers(name, stored, deviation, spec.shape()), format);
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, rows, cols);
        fill(name, codes, deviation);
        Tensor scales = Tensor.zeros(arena, DType.F32, Math.ceilDiv(rows, BLOCK), Math.ceilDiv(cols, BLOCK));
        for (long i = 0; i < scales.count(); i++) scales.set(i, deviation / 64);
        return ops.products().map(new BlockScaled(codes, scales, BLOCK, BLOCK), format);
    }

    @Override
    public Parameter plain(String name) {
        ParameterSpec spec = specs.get(name);
        if (spec.role() == Role.EMBEDDING) {
            return new Parameter(ops.resident(arena, numbers(name, stored(spec.role()), 1, spec.shape())), null);
        }
        Tensor values = Tensor.zeros(arena, ops.real(), spec.shape());
        double value = spec.role() == Role.NORM ? 1 : 0;
        for (long i = 0; i < values.count(); i++) values.set(i, value);
        return new Parameter(ops.resident(arena, values), null);
    }

    @Override
    public long storedBytes(ParameterSpec spec) {
        DType stored = stored(spec.role());
        long scales = stored == DType.F8_E4M3 ? spec.count() / (BLOCK * BLOCK) * 4 : 0;
        return spec.count() * stored.bytes() + scales;
    }

    /** As released checkpoints have it: attention and feed-forward networks in FP8, the rest in BF16. */
    private DType stored(Role role) {
        return switch (role) {
            case ATTENTION, DENSE_FFN, EXPERT, SHARED_EXPERT -> dtype;
            default -> dtype == DType.F32 ? DType.F32 : DType.BF16;
        };
    }

    private Tensor numbers(String name, DType stored, float deviation, long... shape) {
        Tensor values = Tensor.zeros(arena, stored, shape);
        fill(name, values, deviation);
        return values;
    }

    private void fill(String name, Tensor to, float deviation) {
        long count = to.count();
        int tasks = Math.toIntExact(Math.ceilDiv(count, (long) PIECE));
        MemorySegment data = to.data();
        team.run(tasks, (task, worker) -> {
            SplittableRandom random = new SplittableRandom(seed ^ name.hashCode() * 0x9E3779B97F4A7C15L ^ task);
            long from = (long) task * PIECE, end = Math.min(count, from + PIECE);
            switch (to.dtype()) {
                case F32 -> floats(data, from, end, deviation, random);
                case BF16 -> halves(data, from, end, deviation, random);
                default -> codes(data, from, end, random);
            }
        });
    }

    private void floats(MemorySegment data, long from, long end, float deviation, SplittableRandom random) {
        long bits = 0;
        for (long i = from; i < end; i++, bits >>>= 16) {
            if ((i & 3) == 0) bits = random.nextLong();
            data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, deviation * normal[(int) (bits & 0xFFFF)]);
        }
    }

    private void halves(MemorySegment data, long from, long end, float deviation, SplittableRandom random) {
        long bits = 0;
        for (long i = from; i < end; i++, bits >>>= 16) {
            if ((i & 3) == 0) bits = random.nextLong();
            short value = Bf16.encode(deviation * normal[(int) (bits & 0xFFFF)]);
            data.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, value);
        }
    }

    /** Codes of numbers of deviation 64: signs and mantissas uniform, exponents about those of a normal distribution. */
    private static void codes(MemorySegment data, long from, long end, SplittableRandom random) {
        long bits = 0;
        for (long i = from; i < end; i++, bits >>>= 8) {
            if ((i & 7) == 0) bits = random.nextLong();
            int exponent = 13 - Integer.numberOfTrailingZeros((int) (bits >> 3 & 15) | 16); // 13: 64 to 120
            data.set(ValueLayout.JAVA_BYTE, i, (byte) (bits & 0x87 | (long) exponent << 3));
        }
    }
}
