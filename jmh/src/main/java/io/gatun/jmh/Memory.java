package io.gatun.jmh;

import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/** A benchmark's memory and threads. */
final class Memory implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final SplittableRandom random = new SplittableRandom(1);
    final Team team;

    Memory(int threads) {
        team = new Team(threads);
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
        for (long i = 0; i < tensor.count(); i++) tensor.set(i, random.nextGaussian());
        return tensor;
    }

    @Override
    public void close() {
        team.close();
        arena.close();
    }
}
