package io.gatun.model.layer;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Routing;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What one micro-batch of training needs of the whole model, made once while planning; rows = batch · sequence. */
public final class ModelSlot {
    /** An MoE layer of this slot: which one, and where its tokens went. */
    public record Routed(int layer, Routing routing) {}

    final int batch;
    final int sequence;
    final Tensor[] ids; //      [k]: t_{i+k}, i32 [batch, sequence - k]
    final Tensor[] stream; //   [l]: residual stream before block l [rows, hidden]
    final Tensor[] dStream;
    final Block.Slot[] blocks;
    final Norm.Slot norm;
    final Tensor hidden; //     h^0: after the final norm [rows, hidden]
    final Tensor dHidden;
    final MtpModule.Slot[] mtp;
    final Head.Slot[] heads; // [k]: predicts t_{i+k+1}
    private final Tensor[] targets; // [k]: t_{i+k+1}, i32 [batch, sequence - k]
    private final List<Routed> routed = new ArrayList<>();
    private final List<RoutedExperts.Slot> routedSlots = new ArrayList<>();
    private final List<Workspace.Named> tensors;

    ModelSlot(DeepSeekV3 model, Workspace w, int batch, int sequence) {
        ModelConfig config = model.config();
        int depths = config.numNextnPredictLayers();
        if (batch < 1 || sequence < 1 || sequence <= depths) {
            throw new TensorException(
                    "cannot plan %d sequences of %d tokens with %d MTP modules".formatted(batch, sequence, depths));
        }
        this.batch = batch;
        this.sequence = sequence;
        int layers = config.numHiddenLayers();
        int rows = Math.multiplyExact(batch, sequence);
        ids = new Tensor[depths + 1];
        targets = new Tensor[depths + 1];
        for (int k = 0; k <= depths; k++) {
            ids[k] = w.ints("ids." + k, batch, sequence - k);
            targets[k] = w.ints("targets." + k, batch, sequence - k);
        }
        stream = new Tensor[layers + 1];
        blocks = new Block.Slot[layers];
        stream[0] = w.reals("embed", rows, config.hiddenSize());
        for (int i = 0; i < layers; i++) {
            Workspace part = w.in("layers." + i);
            blocks[i] = model.block(i).plan(part, batch, sequence);
            stream[i + 1] = part.reals("out", rows, config.hiddenSize());
            keepRouting(i, blocks[i]);
        }
        norm = model.norm().plan(w.in("norm"), rows);
        hidden = w.reals("hidden", rows, config.hiddenSize());
        mtp = new MtpModule.Slot[depths];
        for (int k = 0; k < depths; k++) {
            mtp[k] = model.mtp(k).plan(w.in("mtp." + k), batch, sequence - k - 1);
            keepRouting(layers + k, mtp[k].block);
        }
        dHidden = w.gradient("hidden", rows, config.hiddenSize());
        Tensor logits = model.head().planLogits(w.in("head"), rows);
        heads = new Head.Slot[depths + 1];
        heads[0] = model.head().plan(w.in("head"), hidden, dHidden, targets[0], logits);
        for (int k = 0; k < depths; k++) {
            heads[k + 1] = model.head()
                    .plan(
                            w.in("mtp." + k + ".head"),
                            mtp[k].hidden,
                            mtp[k].dHidden,
                            targets[k + 1],
                            smaller(logits, mtp[k]));
        }
        dStream = new Tensor[layers + 1];
        for (int i = layers; i >= 0; i--) dStream[i] = w.gradient("stream." + i, rows, config.hiddenSize());
        tensors = w.tensors();
    }

    private static Tensor smaller(Tensor logits, MtpModule.Slot mtp) {
        return logits.slice(0, Math.min(logits.rows(), mtp.hidden.rows()));
    }

    private void keepRouting(int layer, Block.Slot block) {
        if (block.routed == null) return;
        routed.add(new Routed(layer, block.routed.routing));
        routedSlots.add(block.routed);
    }

    void load(Tensor tokens, int vocabulary) {
        if (tokens.rows() != batch || tokens.cols() != sequence && tokens.cols() != sequence + 1) {
            throw new TensorException("the slot is planned for i32[%d, %d] tokens (one column more for targets), not %s"
                    .formatted(batch, sequence, tokens));
        }
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < tokens.cols(); i++) {
                int id = (int) tokens.get(b, i);
                if (id < 0 || id >= vocabulary) {
                    throw new TensorException("token %d of sequence %d is %d; the vocabulary has %d entries"
                            .formatted(i, b, id, vocabulary));
                }
                for (int k = 0; k < ids.length; k++) {
                    if (i >= k && i - k < sequence - k) ids[k].set(b, i - k, id);
                    if (i > k && i - k - 1 < sequence - k) targets[k].set(b, i - k - 1, id);
                }
            }
        }
    }

    Tensor hiddenOf(int depth) {
        return depth == 0 ? hidden : mtp[depth - 1].hidden;
    }

    Tensor dHiddenOf(int depth) {
        return depth == 0 ? dHidden : mtp[depth - 1].dHidden;
    }

    /** Turns the balance loss on for the next forward: its factor on each sequence's loss; 0 is off. */
    public void balance(float factor) {
        for (int i = 0; i < routedSlots.size(); i++) routedSlots.get(i).balance(factor);
    }

    public int batch() {
        return batch;
    }

    /** Tokens of one sequence. */
    public int sequence() {
        return sequence;
    }

    /** The states after the final norm [rows, hidden]. */
    public Tensor hidden() {
        return hidden;
    }

    /** The residual stream after {@code layer}; -1 gives the embeddings [rows, hidden]. */
    public Tensor stream(int layer) {
        return stream[layer + 1];
    }

    /** The losses in nats of depth {@code k}: 0 the next token [rows], then the MTP modules. */
    public Tensor losses(int k) {
        return heads[k].losses;
    }

    /** How many prediction depths this slot has: 1 and the MTP modules. */
    public int depths() {
        return heads.length;
    }

    /** The MoE layers, those of MTP modules last. */
    public List<Routed> routed() {
        return routed;
    }

    /** The balance losses [sequences] of MoE layer {@code index} of {@link #routed}, filled while its factor is not 0. */
    public Tensor balanceLoss(int index) {
        return routedSlots.get(index).balanceLoss;
    }

    /** All tensors by name, in the order in which a step fills them. */
    public List<Workspace.Named> tensors() {
        return tensors;
    }

    @Override
    public String toString() {
        return "slot" + Arrays.toString(new int[] {batch, sequence});
    }
}
