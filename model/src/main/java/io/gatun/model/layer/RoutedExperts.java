package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.ADD;
import static io.gatun.kernels.Accumulate.WRITE;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.Weight;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Experts;
import io.gatun.model.ops.Ops;
import io.gatun.model.ops.RouterConfig;
import io.gatun.model.ops.Routing;
import io.gatun.tensor.Tensor;

/**
 * The routed part of DeepSeekMoE (SPEC 2.5): {@code y = Σ_{e in S} g_e FFN_e(u)}. Its phases are apart, so that a schedule can
 * interleave two micro-batches: {@link #dispatch} routes and permutes, {@link #experts} computes, {@link #combine} returns.
 */
final class RoutedExperts {
    /** What one micro-batch keeps; choices = rows · topK. */
    static final class Slot {
        final Routing routing;
        final Tensor balanceLoss; // [sequences]
        private final Linear.Slot router = new Linear.Slot();
        private final int sequence;
        private final Tensor logits; // [rows, experts]
        private final Tensor x; //      permuted input    [choices, hidden]
        private final Tensor gate; //   [choices, width]
        private final Tensor up; //     [choices, width]
        private final Tensor h; //      [choices, width]
        private final Tensor y; //      [choices, hidden]
        private final Tensor dy;
        private final Tensor dWeights;
        private final Tensor dh;
        private final Tensor dGate;
        private final Tensor dUp;
        private final Tensor dx;
        private final Tensor dScores;
        private final Tensor dLogits;
        private float balanceFactor;

        private Slot(RoutedExperts layer, Workspace w, int batch, int sequence) {
            RouterConfig router = layer.config;
            this.sequence = sequence;
            int rows = batch * sequence;
            int choices = Math.multiplyExact(rows, router.topK());
            int hidden = layer.gateProj[0].k();
            int width = layer.gateProj[0].n();
            logits = w.reals("logits", rows, router.experts());
            routing = new Routing(
                    w.reals("scores", rows, router.experts()),
                    w.ints("ids", rows, router.topK()),
                    w.reals("weights", rows, router.topK()),
                    w.ints("positions", rows, router.topK()),
                    w.ints("tokens", choices),
                    w.ints("offsets", router.experts() + 1));
            balanceLoss = w.reals("balance_loss", batch);
            x = w.reals("x", choices, hidden);
            gate = w.reals("gate", choices, width);
            up = w.reals("up", choices, width);
            h = w.reals("h", choices, width);
            y = w.reals("y", choices, hidden);
            dy = w.gradient("y", choices, hidden);
            dWeights = w.gradient("weights", rows, router.topK());
            dh = w.gradient("h", choices, width);
            dGate = w.gradient("gate", choices, width);
            dUp = w.gradient("up", choices, width);
            dx = w.gradient("x", choices, hidden);
            dScores = w.gradient("scores", rows, router.experts());
            dLogits = w.gradient("logits", rows, router.experts());
        }

        /** Turns the sequence-wise balance loss on for the next forward: its factor on each sequence's loss; 0 is off. */
        void balance(float factor) {
            balanceFactor = factor;
        }
    }

    private final MatmulEngine products;
    private final Experts verbs;
    private final Elementwise elementwise;
    private final RouterConfig config;
    private final Linear router;
    private final Parameter bias; // null when selection has none
    private final Weight[] gateProj;
    private final Weight[] upProj;
    private final Weight[] downProj;

    RoutedExperts(Ops ops, RouterConfig config, Parameters parameters) {
        products = ops.products();
        verbs = ops.experts();
        elementwise = ops.elementwise();
        this.config = config;
        verbs.check(config);
        router = new Linear(ops, parameters, "gate.weight");
        bias = config.biased() ? parameters.plain("gate.e_score_correction_bias") : null;
        gateProj = weights(parameters, "gate_proj");
        upProj = weights(parameters, "up_proj");
        downProj = weights(parameters, "down_proj");
    }

    private Weight[] weights(Parameters parameters, String projection) {
        Weight[] all = new Weight[config.experts()];
        for (int e = 0; e < all.length; e++) all[e] = parameters.linear("experts." + e + "." + projection + ".weight");
        return all;
    }

    /** The selection bias [experts]; null when there is none. */
    Tensor selectionBias() {
        return bias == null ? null : bias.value();
    }

    RouterConfig config() {
        return config;
    }

    Slot plan(Workspace workspace, int batch, int sequence) {
        return new Slot(this, workspace, batch, sequence);
    }

    /** Routes {@code u} [rows, hidden] and copies each token's row to its experts. */
    void dispatch(Tensor u, Slot s) {
        router.forward(s.logits, u, s.router, WRITE);
        verbs.route(s.routing, s.logits, selectionBias(), config);
        if (s.balanceFactor != 0) {
            verbs.sequenceBalance(s.balanceLoss, s.dScores, s.routing.scores(), config, s.sequence, s.balanceFactor);
        }
        verbs.permute(s.x, u, s.routing);
    }

    void experts(Slot s) {
        Tensor offsets = s.routing.offsets();
        products.forward(s.gate, s.x, gateProj, offsets);
        products.forward(s.up, s.x, upProj, offsets);
        elementwise.swiGlu(s.h, s.gate, s.up);
        products.forward(s.y, s.h, downProj, offsets);
    }

    /** Adds the weighted outputs of each token's experts to {@code y} [rows, hidden], or writes them. */
    void combine(Tensor y, Slot s, Accumulate mode) {
        verbs.unpermute(y, s.y, s.routing, mode);
    }

    void combineGrad(Tensor dy, Slot s) {
        verbs.unpermuteGrad(s.dy, s.dWeights, dy, s.y, s.routing);
    }

    void expertsGrad(Slot s) {
        Tensor offsets = s.routing.offsets();
        products.inputGrad(s.dh, s.dy, downProj, offsets, WRITE);
        elementwise.swiGluGrad(s.dGate, s.dUp, s.dh, s.gate, s.up);
        products.inputGrad(s.dx, s.dGate, gateProj, offsets, WRITE);
        products.inputGrad(s.dx, s.dUp, upProj, offsets, ADD);
    }

    void dispatchGrad(Tensor du, Slot s, Accumulate mode) {
        verbs.permuteGrad(du, s.dx, s.routing, mode);
        verbs.routeGrad(s.dLogits, s.dWeights, s.balanceFactor == 0 ? null : s.dScores, s.routing, config);
        router.inputGrad(du, s.dLogits, s.router, ADD);
    }

    void weightGrad(Slot s) {
        Tensor offsets = s.routing.offsets();
        products.weightGrad(downProj, s.dy, s.h, offsets);
        products.weightGrad(gateProj, s.dGate, s.x, offsets);
        products.weightGrad(upProj, s.dUp, s.x, offsets);
        router.weightGrad(s.router);
    }
}
