package io.gatun.model.ops;

import io.gatun.kernels.MatmulEngine;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.util.List;

/**
 * Routing to experts that are given, with the weights that the scores at hand make of them: rounding moves a score across the border
 * between two experts now and then, and what differs then says nothing about the arithmetic.
 */
public final class ForcedExperts extends ReferenceExperts {
    private final List<Tensor> layers; // i64 [rows, topK], one after another
    private int calls;

    private ForcedExperts(List<Tensor> layers) {
        this.layers = layers;
    }

    /** {@link CpuOps} whose MoE layers choose, one pass after another, what {@code layers} say: ids [rows, topK] of each. */
    public static CpuOps on(Team team, List<Tensor> layers) {
        return on(team, CpuOps.on(team).products(), layers);
    }

    /** The same with products by {@code engine}. */
    public static CpuOps on(Team team, MatmulEngine engine, List<Tensor> layers) {
        return new CpuOps(team, engine, CpuOps.on(team).attention(), new ForcedExperts(layers));
    }

    @Override
    public void route(Routing routing, Tensor logits, Tensor bias, RouterConfig router) {
        super.route(routing, logits, bias, router);
        calls++;
    }

    @Override
    protected int[] choose(int t, double[] biased, RouterConfig router) {
        Tensor ids = layers.get(calls % layers.size());
        int[] chosen = new int[router.topK()];
        for (int k = 0; k < chosen.length; k++) chosen[k] = (int) ids.get(t, k);
        return chosen;
    }
}
