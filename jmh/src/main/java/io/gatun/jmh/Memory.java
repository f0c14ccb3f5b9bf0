package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Fp8;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/** A benchmark's memory, all that kernels see of it off the heap, and its threads. */
final class Memory implements AutoCloseable {
    private static final int DIFFERENT = 65_537; // numbers repeat after so many: a prime, so that no two rows are equal

    private final Arena arena = Arena.ofShared();
    private final SplittableRandom random = new SplittableRandom(1);
    private final float[] normal = new float[DIFFERENT];
    private int next;
    final Team team;

    Memory(int threads) {
        team = new Team(threads);
        for (int i = 0; i < DIFFERENT; i++) normal[i] = (float) random.nextGaussian();
    }

    Arena arena() {
        return arena;
    }

    Tensor zeros(long... shape) {
        return Tensor.zeros(arena, DType.F32, shape);
    }

    Tensor ints(long... shape) {
        return Tensor.zeros(arena, DType.I32, shape);
    }

    /** Standard normal numbers. */
    Tensor normal(long... shape) {
        Tensor tensor = zeros(shape);
        for (long i = 0; i < tensor.count(); i++) {
            tensor.data().setAtIndex(JAVA_FLOAT, i, normal[next]);
            next = next + 1 == DIFFERENT ? 0 : next + 1;
        }
        return tensor;
    }

    /** Whole numbers from 0 to {@code bound}, excluded. */
    Tensor below(int bound, long... shape) {
        Tensor tensor = ints(shape);
        for (long i = 0; i < tensor.count(); i++) tensor.set(i, random.nextInt(bound));
        return tensor;
    }

    /** Standard normal numbers as BF16. */
    Tensor bf16(long... shape) {
        Tensor tensor = Tensor.zeros(arena, DType.BF16, shape);
        Bf16.encode(tensor.data(), 0, normal(shape).data(), 0, Math.toIntExact(tensor.count()));
        return tensor;
    }

    /** Standard normal numbers as FP8 codes with a scale for 128 x 128 of them. */
    BlockScaled fp8(int rows, int cols) {
        BlockScaled blocks = blocks(rows, cols, 128);
        Fp8.quantizeBlocks(blocks, normal(rows, cols));
        return blocks;
    }

    /** Zero codes with a scale for {@code blockRows} x 128 of them. */
    BlockScaled blocks(int rows, int cols, int blockRows) {
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, rows, cols);
        Tensor scales = zeros(Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, 128));
        return new BlockScaled(codes, scales, blockRows, 128);
    }

    /** Another place with the same numbers. */
    Tensor copy(Tensor tensor) {
        Tensor copy = Tensor.zeros(arena, tensor.dtype(), tensor.shape());
        copy.copyFrom(tensor);
        return copy;
    }

    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
