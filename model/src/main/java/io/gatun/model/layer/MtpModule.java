package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.ADD;
import static io.gatun.kernels.Accumulate.WRITE;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/**
 * Multi-token prediction module k (SPEC 2.6): {@code h'_i = M [enorm(Emb(t_{i+k})) ; hnorm(h^{k-1}_i)]}, one block, then its
 * own output norm. It works on the first T-k positions of every sequence, since later ones have no token i+k+1 to predict.
 */
final class MtpModule {
    /** What one micro-batch keeps; rows = batch · (sequence of depth k). */
    static final class Slot {
        final Block.Slot block;
        final Tensor hidden; //             h^k, what the head reads [rows, hidden]
        final Tensor dHidden;
        private final Norm.Slot enorm;
        private final Norm.Slot hnorm;
        private final Norm.Slot outNorm;
        private final Linear.Slot project = new Linear.Slot();
        private final int sequence;
        private final Tensor embedded; //   Emb(t_{i+k})             [rows, hidden]
        final Tensor previous; //           h^{k-1}, first rows      [rows, hidden]
        private final Tensor joined; //     [enorm ; hnorm]          [rows, 2 * hidden]
        private final Tensor joinedEmbedding;
        private final Tensor joinedHidden;
        private final Tensor blockIn;
        final Tensor blockOut;
        private final Tensor dBlockOut;
        private final Tensor dBlockIn;
        private final Tensor dJoined;
        private final Tensor dJoinedEmbedding;
        private final Tensor dJoinedHidden;
        private final Tensor dEmbedded;
        private final Tensor dPrevious;
        private Tensor ids;

        private Slot(MtpModule module, Workspace w, int batch, int sequence) {
            this.sequence = sequence;
            int rows = batch * sequence;
            int d = module.hidden;
            embedded = w.reals("embedded", rows, d);
            previous = w.reals("previous", rows, d);
            enorm = module.enorm.plan(w.in("enorm"), rows);
            hnorm = module.hnorm.plan(w.in("hnorm"), rows);
            joined = w.reals("joined", rows, 2L * d);
            joinedEmbedding = joined.columns(0, d);
            joinedHidden = joined.columns(d, 2L * d);
            blockIn = w.reals("projected", rows, d);
            block = module.block.plan(w.in("block"), batch, sequence);
            blockOut = w.reals("block_out", rows, d);
            outNorm = module.outNorm.plan(w.in("norm"), rows);
            hidden = w.reals("hidden", rows, d);
            dHidden = w.gradient("hidden", rows, d);
            dBlockOut = w.gradient("block_out", rows, d);
            dBlockIn = w.gradient("projected", rows, d);
            dJoined = w.gradient("joined", rows, 2L * d);
            dJoinedEmbedding = w.isTraining() ? dJoined.columns(0, d) : null;
            dJoinedHidden = w.isTraining() ? dJoined.columns(d, 2L * d) : null;
            dEmbedded = w.gradient("embedded", rows, d);
            dPrevious = w.gradient("previous", rows, d);
        }
    }

    private final Elementwise elementwise;
    private final Parameter embedding; // shared with the main model
    private final int hidden;
    private final Norm enorm;
    private final Norm hnorm;
    private final Linear project;
    private final Block block;
    private final Norm outNorm;

    MtpModule(Ops ops, ModelConfig config, int layer, Parameters parameters, Parameter embedding, RopeTable rope) {
        elementwise = ops.elementwise();
        this.embedding = embedding;
        hidden = config.hiddenSize();
        enorm = new Norm(ops, parameters, "enorm.weight", config.rmsNormEps());
        hnorm = new Norm(ops, parameters, "hnorm.weight", config.rmsNormEps());
        project = new Linear(ops, parameters, "eh_proj.weight");
        block = new Block(ops, config, layer, parameters, rope);
        outNorm = new Norm(ops, parameters, "shared_head.norm.weight", config.rmsNormEps());
    }

    Block block() {
        return block;
    }

    Slot plan(Workspace workspace, int batch, int sequence) {
        return new Slot(this, workspace, batch, sequence);
    }

    /**
     * Fills {@code slot.hidden}.
     *
     * @param h h^{k-1} [batch * period, hidden]
     * @param period rows of one sequence in {@code h}
     * @param ids i32 [batch, sequence]: the tokens t_{i+k}
     */
    void forward(Tensor h, int period, Tensor ids, Slot s) {
        elementwise.sequenceRows(s.previous, s.sequence, h, period, WRITE);
        embed(ids, s);
        join(s);
        block.forward(s.blockOut, s.blockIn, s.block);
        outNorm.forward(s.hidden, s.blockOut, s.outNorm);
    }

    /** The same for the next tokens of sequences whose earlier ones are cached; h^{k-1} lies in {@code slot.previous}. */
    void extend(Slot s, Rows rows, boolean maskFirst) {
        embed(rows.ids, s);
        if (maskFirst) {
            for (int r = 0; r < s.embedded.rows(); r++) {
                if (rows.position(r) == 0) s.embedded.slice(r, r + 1).clear();
            }
        }
        join(s);
        block.extend(s.blockOut, s.blockIn, s.block, rows);
        outNorm.forward(s.hidden, s.blockOut, s.outNorm);
    }

    private void embed(Tensor ids, Slot s) {
        s.ids = ids;
        elementwise.embedding(s.embedded, embedding.value(), ids);
    }

    private void join(Slot s) {
        enorm.forward(s.joinedEmbedding, s.embedded, s.enorm);
        hnorm.forward(s.joinedHidden, s.previous, s.hnorm);
        project.forward(s.blockIn, s.joined, s.project, WRITE);
    }

    /** Adds the gradient of h^{k-1} to {@code dh}; reads {@code slot.dHidden}. */
    void inputGrad(Tensor dh, int period, Slot s) {
        outNorm.inputGrad(s.dBlockOut, s.dHidden, s.outNorm, WRITE);
        block.inputGrad(s.dBlockIn, s.dBlockOut, s.block);
        project.inputGrad(s.dJoined, s.dBlockIn, s.project, WRITE);
        enorm.inputGrad(s.dEmbedded, s.dJoinedEmbedding, s.enorm, WRITE);
        hnorm.inputGrad(s.dPrevious, s.dJoinedHidden, s.hnorm, WRITE);
        elementwise.sequenceRows(dh, period, s.dPrevious, s.sequence, ADD);
    }

    void weightGrad(Slot s) {
        outNorm.weightGrad(s.outNorm);
        block.weightGrad(s.block);
        project.weightGrad(s.project);
        enorm.weightGrad(s.enorm);
        hnorm.weightGrad(s.hnorm);
        elementwise.embeddingGrad(embedding.grad(), s.dEmbedded, s.ids);
    }
}
