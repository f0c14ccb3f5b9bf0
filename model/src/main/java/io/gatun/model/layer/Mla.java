package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.ADD;
import static io.gatun.kernels.Accumulate.WRITE;
import static io.gatun.model.ops.Attention.Rotation.BACKWARD;
import static io.gatun.model.ops.Attention.Rotation.FORWARD;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Attention;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/**
 * Multi-head latent attention (SPEC 2.2): keys and values of all heads come from one latent vector c_KV per token, positions
 * from one rotated key k_R that the heads share. Expanded form for whole sequences; absorbed form against a
 * {@link io.gatun.model.cache.LatentCache}, which holds c_KV and k_R only.
 */
final class Mla {
    private static final double LATENT_EPS = 1e-6; // whatever rms_norm_eps says, as in the released code

    /** What one micro-batch keeps; rows = batch · sequence. */
    static final class Slot {
        private final Linear.Slot qA = new Linear.Slot();
        private final Linear.Slot qB = new Linear.Slot();
        private final Linear.Slot kvA = new Linear.Slot();
        private final Linear.Slot kvB = new Linear.Slot();
        private final Linear.Slot out = new Linear.Slot();
        private final Norm.Slot qNorm;
        private final Norm.Slot kvNorm;
        private final Attention.Shape shape;
        private final Tensor qLatent; // W_DQ h           [rows, qLoraRank]
        private final Tensor cQ; //      its norm
        private final Tensor q; //       [q_C ; q_R]      [rows, heads * keyDim]
        private final Tensor kvLatent; // W_DKV h         [rows, kvLoraRank], a view of kvRope
        private final Tensor kRope; //   k_R              [rows, ropeDim], a view of kvRope
        private final Tensor kvRope; //  [W_DKV ; W_KR] h [rows, kvLoraRank + ropeDim]
        private final Tensor cKv; //     norm of kvLatent
        private final Tensor kv; //      [k_C ; v]        [rows, heads * kvDim]
        private final Tensor o; //       [rows, heads * valueDim]
        private final Tensor logSumExp; // [heads, rows]
        private final Tensor dO;
        private final Tensor dq;
        private final Tensor dcQ;
        private final Tensor dqLatent;
        private final Tensor dKv;
        private final Tensor dcKv;
        private final Tensor dKvRope;
        private final Tensor dKvLatent;
        private final Tensor dkRope;

        private Slot(Mla mla, Workspace w, int batch, int sequence) {
            ModelConfig c = mla.config;
            int rows = batch * sequence;
            int heads = c.numAttentionHeads();
            int latent = c.kvLoraRank();
            int latentAndRope = latent + c.qkRopeHeadDim();
            boolean compressed = mla.qNorm != null;
            shape = shape(c, sequence);
            qLatent = compressed ? w.reals("q_a", rows, c.qLoraRank()) : null;
            qNorm = compressed ? mla.qNorm.plan(w.in("q_norm"), rows) : null;
            cQ = compressed ? w.reals("c_q", rows, c.qLoraRank()) : null;
            q = w.reals("q", rows, (long) heads * shape.keyDim());
            kvRope = w.reals("kv_a", rows, latentAndRope);
            kvLatent = kvRope.columns(0, latent);
            kRope = kvRope.columns(latent, latentAndRope);
            kvNorm = mla.kvNorm.plan(w.in("kv_norm"), rows);
            cKv = w.reals("c_kv", rows, latent);
            kv = w.isTraining() ? w.reals("kv", rows, (long) heads * shape.kvDim()) : null;
            logSumExp = w.isTraining() ? w.reals("log_sum_exp", heads, rows) : null;
            o = w.reals("o", rows, (long) heads * shape.valueDim());
            dO = w.gradient("o", rows, o.cols());
            dq = w.gradient("q", rows, q.cols());
            dKv = w.gradient("kv", rows, (long) heads * shape.kvDim());
            dcQ = compressed ? w.gradient("c_q", rows, c.qLoraRank()) : null;
            dqLatent = compressed ? w.gradient("q_a", rows, c.qLoraRank()) : null;
            dcKv = w.gradient("c_kv", rows, latent);
            dKvRope = w.gradient("kv_a", rows, latentAndRope);
            dKvLatent = w.isTraining() ? dKvRope.columns(0, latent) : null;
            dkRope = w.isTraining() ? dKvRope.columns(latent, latentAndRope) : null;
        }
    }

    private final ModelConfig config;
    private final Attention attention;
    private final RopeTable rope;
    private final Linear qA; // null without query compression
    private final Norm qNorm; // null without query compression
    private final Linear qB;
    private final Linear kvA;
    private final Norm kvNorm;
    private final Linear kvB;
    private final Linear out;

    Mla(Ops ops, ModelConfig config, Parameters parameters, RopeTable rope) {
        this.config = config;
        this.rope = rope;
        attention = ops.attention();
        attention.check(shape(config, 1), config.kvLoraRank());
        boolean compressed = config.qLoraRank() > 0;
        qA = compressed ? new Linear(ops, parameters, "q_a_proj.weight") : null;
        qNorm = compressed ? new Norm(ops, parameters, "q_a_layernorm.weight", LATENT_EPS) : null;
        qB = new Linear(ops, parameters, compressed ? "q_b_proj.weight" : "q_proj.weight");
        kvA = new Linear(ops, parameters, "kv_a_proj_with_mqa.weight");
        kvNorm = new Norm(ops, parameters, "kv_a_layernorm.weight", LATENT_EPS);
        kvB = new Linear(ops, parameters, "kv_b_proj.weight");
        out = new Linear(ops, parameters, "o_proj.weight");
    }

    private static Attention.Shape shape(ModelConfig c, int sequence) {
        return new Attention.Shape(
                c.numAttentionHeads(), c.qkNopeHeadDim(), c.qkRopeHeadDim(), c.vHeadDim(), sequence, (float)
                        c.softmaxScale());
    }

    Slot plan(Workspace workspace, int batch, int sequence) {
        return new Slot(this, workspace, batch, sequence);
    }

    /** Whole sequences from position 0, expanded form; {@code y} and {@code x}: [rows, hidden]. */
    void forward(Tensor y, Tensor x, Slot s, Accumulate mode) {
        int sequence = s.shape.sequence();
        project(x, s);
        attention.rope(s.q, s.shape.heads(), rope.cos(), rope.sin(), 0, sequence, FORWARD);
        attention.rope(s.kRope, 1, rope.cos(), rope.sin(), 0, sequence, FORWARD);
        kvB.forward(s.kv, s.cKv, s.kvB, WRITE);
        attention.causal(s.o, s.logSumExp, s.q, s.kv, s.kRope, s.shape);
        out.forward(y, s.o, s.out, mode);
    }

    /**
     * The next tokens of sequences whose earlier ones are cached; appends theirs. Prefill takes the expanded form over what the
     * cache holds, so that a token's numbers do not depend on how a prompt is cut; decoding the absorbed form, which reads
     * nothing but the cache.
     */
    void extend(Tensor y, Tensor x, Slot s, Rows rows, Accumulate mode) {
        project(x, s);
        attention.rope(s.q, s.shape.heads(), rope.cos(), rope.sin(), rows.positions, FORWARD);
        attention.rope(s.kRope, 1, rope.cos(), rope.sin(), rows.positions, FORWARD);
        attention.append(rows.pages, rows.positions, s.cKv, s.kRope);
        Expanded.Views all = rows.expanded();
        if (all == null) {
            attention.absorbed(s.o, s.q, kvB.weight(), rows.pages, rows.positions, s.shape);
        } else {
            attention.cached(all.latent(), all.rope(), rows.pages[0]);
            kvB.forward(all.kv(), all.latent(), s.kvB, WRITE);
            attention.causal(s.o, s.q, all.kv(), all.rope(), rows.start(), s.shape);
        }
        out.forward(y, s.o, s.out, mode);
    }

    private void project(Tensor x, Slot s) {
        if (qNorm == null) {
            qB.forward(s.q, x, s.qB, WRITE);
        } else {
            qA.forward(s.qLatent, x, s.qA, WRITE);
            qNorm.forward(s.cQ, s.qLatent, s.qNorm);
            qB.forward(s.q, s.cQ, s.qB, WRITE);
        }
        kvA.forward(s.kvRope, x, s.kvA, WRITE);
        kvNorm.forward(s.cKv, s.kvLatent, s.kvNorm);
    }

    void inputGrad(Tensor dx, Tensor dy, Slot s, Accumulate mode) {
        int heads = s.shape.heads();
        int sequence = s.shape.sequence();
        out.inputGrad(s.dO, dy, s.out, WRITE);
        attention.causalGrad(s.dq, s.dKv, s.dkRope, s.dO, s.o, s.logSumExp, s.q, s.kv, s.kRope, s.shape);
        attention.rope(s.dq, heads, rope.cos(), rope.sin(), 0, sequence, BACKWARD);
        attention.rope(s.dkRope, 1, rope.cos(), rope.sin(), 0, sequence, BACKWARD);
        kvB.inputGrad(s.dcKv, s.dKv, s.kvB, WRITE);
        kvNorm.inputGrad(s.dKvLatent, s.dcKv, s.kvNorm, WRITE);
        kvA.inputGrad(dx, s.dKvRope, s.kvA, mode);
        if (qNorm == null) {
            qB.inputGrad(dx, s.dq, s.qB, ADD);
        } else {
            qB.inputGrad(s.dcQ, s.dq, s.qB, WRITE);
            qNorm.inputGrad(s.dqLatent, s.dcQ, s.qNorm, WRITE);
            qA.inputGrad(dx, s.dqLatent, s.qA, ADD);
        }
    }

    void weightGrad(Slot s) {
        out.weightGrad(s.out);
        kvB.weightGrad(s.kvB);
        kvNorm.weightGrad(s.kvNorm);
        kvA.weightGrad(s.kvA);
        qB.weightGrad(s.qB);
        if (qNorm != null) {
            qNorm.weightGrad(s.qNorm);
            qA.weightGrad(s.qA);
        }
    }
}
