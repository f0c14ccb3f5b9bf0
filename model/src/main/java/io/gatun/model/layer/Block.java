package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.ADD;
import static io.gatun.kernels.Accumulate.WRITE;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/**
 * One transformer block (SPEC 2.1): {@code h = x + MLA(norm(x)); y = h + FFN(norm(h)) + Σ g_e FFN_e(norm(h))}. The always
 * active FFN is the dense one of the leading layers or the shared experts of the others, which add routed experts. Four phases,
 * each with its gradient: attention, dispatch, experts, combine.
 */
final class Block {
    /** What one micro-batch keeps. */
    static final class Slot {
        final RoutedExperts.Slot routed; // null in a dense layer
        private final Norm.Slot attentionNorm;
        private final Norm.Slot ffnNorm;
        private final Mla.Slot attention;
        private final Ffn.Slot dense; // null when an MoE layer has no shared experts
        private final Tensor n; //  norm(x)   [rows, hidden]
        final Tensor h; //         x + MLA   [rows, hidden]
        private final Tensor u; //  norm(h)   [rows, hidden]
        private final Tensor dn;
        private final Tensor dh;
        private final Tensor du;

        private Slot(Block block, Workspace w, int batch, int sequence) {
            int rows = batch * sequence;
            int hidden = block.hidden;
            attentionNorm = block.attentionNorm.plan(w.in("attention_norm"), rows);
            n = w.reals("n", rows, hidden);
            attention = block.attention.plan(w.in("attention"), batch, sequence);
            h = w.reals("h", rows, hidden);
            ffnNorm = block.ffnNorm.plan(w.in("ffn_norm"), rows);
            u = w.reals("u", rows, hidden);
            dense = block.dense == null ? null : block.dense.plan(w.in("ffn"), rows);
            routed = block.routed == null ? null : block.routed.plan(w.in("experts"), batch, sequence);
            du = w.gradient("u", rows, hidden);
            dh = w.gradient("h", rows, hidden);
            dn = w.gradient("n", rows, hidden);
        }
    }

    private final Elementwise elementwise;
    private final int hidden;
    private final Norm attentionNorm;
    private final Mla attention;
    private final Norm ffnNorm;
    private final Ffn dense;
    private final RoutedExperts routed;

    Block(Ops ops, ModelConfig config, int layer, Parameters parameters, RopeTable rope) {
        elementwise = ops.elementwise();
        hidden = config.hiddenSize();
        attentionNorm = new Norm(ops, parameters, "input_layernorm.weight", config.rmsNormEps());
        attention = new Mla(ops, config, parameters.in("self_attn."), rope);
        ffnNorm = new Norm(ops, parameters, "post_attention_layernorm.weight", config.rmsNormEps());
        if (!config.isMoe(layer)) {
            dense = new Ffn(ops, parameters.in("mlp."));
            routed = null;
        } else {
            dense = config.nSharedExperts() == 0 ? null : new Ffn(ops, parameters.in("mlp.shared_experts."));
            routed = new RoutedExperts(ops, Routers.of(config), parameters.in("mlp."));
        }
    }

    /** The routed experts; null in a dense layer. */
    RoutedExperts routed() {
        return routed;
    }

    Slot plan(Workspace workspace, int batch, int sequence) {
        return new Slot(this, workspace, batch, sequence);
    }

    /** Writes {@code y} [rows, hidden]; the slot keeps {@code x}, which must not change before {@link #weightGrad}. */
    void forward(Tensor y, Tensor x, Slot s) {
        attention(x, s);
        feedForward(y, s);
    }

    /** The same for the next tokens of sequences whose earlier ones are cached. */
    void extend(Tensor y, Tensor x, Slot s, Rows rows) {
        attentionNorm.forward(s.n, x, s.attentionNorm);
        elementwise.assign(s.h, x, WRITE);
        attention.extend(s.h, s.n, s.attention, rows, ADD);
        feedForward(y, s);
    }

    private void feedForward(Tensor y, Slot s) {
        dispatch(s);
        experts(y, s);
        combine(y, s);
    }

    void attention(Tensor x, Slot s) {
        attentionNorm.forward(s.n, x, s.attentionNorm);
        elementwise.assign(s.h, x, WRITE);
        attention.forward(s.h, s.n, s.attention, ADD);
    }

    void dispatch(Slot s) {
        ffnNorm.forward(s.u, s.h, s.ffnNorm);
        if (routed != null) routed.dispatch(s.u, s.routed);
    }

    void experts(Tensor y, Slot s) {
        elementwise.assign(y, s.h, WRITE);
        if (dense != null) dense.forward(y, s.u, s.dense, ADD);
        if (routed != null) routed.experts(s.routed);
    }

    void combine(Tensor y, Slot s) {
        if (routed != null) routed.combine(y, s.routed, ADD);
    }

    /** Writes {@code dx} [rows, hidden]; the slot keeps {@code dy}, which must not change before {@link #weightGrad}. */
    void inputGrad(Tensor dx, Tensor dy, Slot s) {
        combineGrad(dy, s);
        expertsGrad(dy, s);
        dispatchGrad(dy, s);
        attentionGrad(dx, s);
    }

    void combineGrad(Tensor dy, Slot s) {
        if (routed != null) routed.combineGrad(dy, s.routed);
    }

    void expertsGrad(Tensor dy, Slot s) {
        if (dense != null) dense.inputGrad(s.du, dy, s.dense, WRITE);
        if (routed != null) routed.expertsGrad(s.routed);
    }

    void dispatchGrad(Tensor dy, Slot s) {
        if (routed != null) routed.dispatchGrad(s.du, s.routed, dense == null ? WRITE : ADD);
        elementwise.assign(s.dh, dy, WRITE);
        ffnNorm.inputGrad(s.dh, s.du, s.ffnNorm, ADD);
    }

    void attentionGrad(Tensor dx, Slot s) {
        attention.inputGrad(s.dn, s.dh, s.attention, WRITE);
        elementwise.assign(dx, s.dh, WRITE);
        attentionNorm.inputGrad(dx, s.dn, s.attentionNorm, ADD);
    }

    void weightGrad(Slot s) {
        if (routed != null) routed.weightGrad(s.routed);
        if (dense != null) dense.weightGrad(s.dense);
        ffnNorm.weightGrad(s.ffnNorm);
        attention.weightGrad(s.attention);
        attentionNorm.weightGrad(s.attentionNorm);
    }
}
