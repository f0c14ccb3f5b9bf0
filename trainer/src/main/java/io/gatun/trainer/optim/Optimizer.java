package io.gatun.trainer.optim;

import io.gatun.model.layer.ParameterStore;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.schedule.TrainConfig;
import java.lang.foreign.Arena;

/** Clipping by global norm, then AdamW (SPEC 4.1), over the flat parameters: matrices, then gains. */
public final class Optimizer {
    private static final double CLIP_EPS = 1e-6;

    private final Elementwise elementwise;
    private final ParameterStore store;
    private final TrainConfig config;
    private final Tensor m;
    private final Tensor v;
    private final Range matrices;
    private final Range gains;
    private final Elementwise.AdamW numbers = new Elementwise.AdamW();

    /** One part of the flat parameters, which decays or does not. */
    private record Range(Tensor value, Tensor grad, Tensor m, Tensor v) {
        static Range of(ParameterStore store, Tensor m, Tensor v, long from, long to) {
            return new Range(
                    store.values().slice(from, to),
                    store.grads().slice(from, to),
                    m.slice(from, to),
                    v.slice(from, to));
        }
    }

    /** Zero moments for {@code store}, in memory that lives as long as {@code arena}. */
    public Optimizer(Ops ops, Arena arena, ParameterStore store, TrainConfig config) {
        elementwise = ops.elementwise();
        this.store = store;
        this.config = config;
        long all = store.values().count();
        DType moments = config.moments() == DType.BF16 ? DType.BF16 : ops.real();
        m = Tensor.zeros(arena, moments, all);
        v = Tensor.zeros(arena, moments, all);
        matrices = Range.of(store, m, v, 0, store.matrixElements());
        gains = Range.of(store, m, v, store.matrixElements(), all);
        numbers.beta1 = config.beta1();
        numbers.beta2 = config.beta2();
        numbers.eps = config.eps();
    }

    /** First moments, laid out as {@link ParameterStore#values}. */
    public Tensor firstMoments() {
        return m;
    }

    /** Second moments, laid out as {@link ParameterStore#values}. */
    public Tensor secondMoments() {
        return v;
    }

    /** The global gradient norm before clipping; infinite or NaN when a gradient is. */
    public double gradientNorm() {
        return Math.sqrt(elementwise.sumOfSquares(store.grads()));
    }

    /**
     * Updates all parameters and the engine's forms of them, and clears the gradients.
     *
     * @param step counts from 1
     * @param norm what {@link #gradientNorm} gave
     */
    public void step(long step, double learningRate, double norm) {
        numbers.step = step;
        numbers.learningRate = learningRate;
        numbers.gradFactor = Math.min(1, config.clip() / (norm + CLIP_EPS));
        numbers.weightDecay = config.weightDecay();
        update(matrices);
        numbers.weightDecay = config.decayGains() ? config.weightDecay() : 0;
        update(gains);
        store.refresh();
        store.grads().clear();
    }

    private void update(Range part) {
        elementwise.adamW(part.value(), part.grad(), part.m(), part.v(), numbers);
    }
}
