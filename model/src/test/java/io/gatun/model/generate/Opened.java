package io.gatun.model.generate;

import io.gatun.model.Golden;
import io.gatun.model.cache.PagePool;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.MappedParameters;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.Compute;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.function.BiFunction;

/** A golden model opened for inference, its passes at hand. */
final class Opened implements AutoCloseable {
    final Golden golden;
    final Arena arena = Arena.ofShared();
    final Passes passes;
    private final Team team;

    Opened(String name, Compute compute, int threads, int chunk, Drafting drafting) {
        this(name, compute, threads, chunk, drafting, (team, golden) -> CpuOps.on(team));
    }

    Opened(
            String name,
            Compute compute,
            int threads,
            int chunk,
            Drafting drafting,
            BiFunction<Team, Golden, Ops> makeOps) {
        golden = Golden.open(name);
        team = new Team(threads);
        Ops ops = makeOps.apply(team, golden);
        var parameters = new MappedParameters(ops, arena, golden.checkpoint(), compute);
        DeepSeekV3 model = new DeepSeekV3(ops, golden.config(), parameters, arena, 8);
        PagePool pages = new PagePool(ops, arena, golden.config(), compute.cache());
        passes = new Passes(ops, model, arena, pages, compute.toString(), chunk, drafting);
    }

    static Opened f32(String name) {
        return new Opened(name, Compute.F32, 2, 512, Drafting.NONE);
    }

    int vocabulary() {
        return golden.config().vocabSize();
    }

    Tensor logits(int rows) {
        return passes.newLogits(arena, rows);
    }

    /** Sequence {@code b} of the golden's input. */
    int[] ids(int b) {
        Tensor all = golden.expected("input_ids");
        int[] ids = new int[(int) all.size(1)];
        for (int i = 0; i < ids.length; i++) ids[i] = (int) all.get(b, i);
        return ids;
    }

    /** Row {@code b} of a golden [batch, n, m], as [n, m]. */
    Tensor expected(String name, int b) {
        Tensor all = golden.expected(name);
        return all.slice(b, b + 1).reshape(all.size(1), all.size(2));
    }

    @Override
    public void close() {
        team.close();
        arena.close();
        golden.close();
    }
}
