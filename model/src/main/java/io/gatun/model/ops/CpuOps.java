package io.gatun.model.ops;

import io.gatun.kernels.DotLoops;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.model.engine.Engine;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;

/** {@link Ops} on the CPU: F32 in host memory, kernels of the Vector API on a team of threads, products by an engine. */
public final class CpuOps implements Ops {
    private final MatmulEngine products;
    private final Attention attention;
    private final Experts experts;
    private final Elementwise elementwise;

    CpuOps(Team team, MatmulEngine engine, Attention attention, Experts experts) {
        this.products = engine;
        this.attention = attention;
        this.experts = experts;
        this.elementwise = new CpuElementwise(team);
    }

    /** Everything on {@code team}, in the innermost loops that are fastest here. */
    public static CpuOps on(Team team) {
        return on(team, Engine.AUTO.loops());
    }

    /** Everything on {@code team}, with {@code loops} where weights are read as they are stored. */
    public static CpuOps on(Team team, DotLoops loops) {
        return new CpuOps(team, new VectorMatmul(team, loops), new CpuAttention(team, loops), new CpuExperts(team));
    }

    /** Everything on {@code team} but the products, which are {@code engine}'s. */
    public static CpuOps on(Team team, MatmulEngine engine) {
        return new CpuOps(team, engine, new CpuAttention(team, Engine.AUTO.loops()), new CpuExperts(team));
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
}
