package io.gatun.model.layer;

import static io.gatun.kernels.Accumulate.WRITE;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * The whole model (SPEC 2): embedding, blocks, final norm, output head, and MTP modules that share embedding and head. Holds no
 * state of its own: a {@link ModelSlot} holds what one micro-batch needs, the {@link Parameters} the weights.
 */
public final class DeepSeekV3 {
    private final Ops ops;
    private final ModelConfig config;
    private final Elementwise elementwise;
    private final RopeTable rope;
    private final Expanded expanded;
    private final Parameter embedding;
    private final List<Block> blocks = new ArrayList<>();
    private final Norm norm;
    private final Head head;
    private final List<MtpModule> mtp = new ArrayList<>();

    /**
     * @param arena owns the rotary tables
     * @param positions how many positions they cover at first: they grow with what is asked for
     */
    public DeepSeekV3(Ops ops, ModelConfig config, Parameters parameters, Arena arena, int positions) {
        this.ops = ops;
        this.config = config;
        elementwise = ops.elementwise();
        rope = new RopeTable(ops, arena, positions, config.maxPositionEmbeddings(), RopeFrequencies.of(config));
        expanded = new Expanded(ops, config);
        embedding = parameters.plain("model.embed_tokens.weight");
        int layers = config.numHiddenLayers();
        for (int i = 0; i < layers; i++) {
            blocks.add(new Block(ops, config, i, parameters.in("model.layers." + i + "."), rope));
        }
        norm = new Norm(ops, parameters, "model.norm.weight", config.rmsNormEps());
        head = new Head(ops, parameters);
        for (int k = 0; k < config.numNextnPredictLayers(); k++) {
            int layer = layers + k;
            mtp.add(new MtpModule(ops, config, layer, parameters.in("model.layers." + layer + "."), embedding, rope));
        }
    }

    public ModelConfig config() {
        return config;
    }

    /** Memory for training on {@code batch} sequences of {@code sequence} tokens each. */
    public ModelSlot plan(Workspace workspace, int batch, int sequence) {
        return new ModelSlot(this, workspace, batch, sequence);
    }

    /**
     * Copies tokens into the slot: inputs, and for each prediction depth the tokens that follow.
     *
     * @param tokens i32 [batch, sequence + 1], or [batch, sequence] when no loss will be asked for
     * @throws TensorException when the shape is another or an id is not of the vocabulary
     */
    public void load(Tensor tokens, ModelSlot s) {
        s.load(tokens, config.vocabSize());
    }

    /** Runs the main model; fills {@code slot.hidden()} with the states after the final norm. */
    public void forward(ModelSlot s) {
        elementwise.embedding(s.stream[0], embedding.value(), s.ids[0]);
        for (int i = 0; i < blocks.size(); i++) blocks.get(i).forward(s.stream[i + 1], s.stream[i], s.blocks[i]);
        norm.forward(s.hidden, s.stream[blocks.size()], s.norm);
    }

    /** Runs the MTP modules one after another on what {@link #forward} left. */
    public void forwardMtp(ModelSlot s) {
        for (int k = 0; k < mtp.size(); k++) {
            mtp.get(k).forward(s.hiddenOf(k), s.sequence - k, s.ids[k + 1], s.mtp[k]);
        }
    }

    /** Memory for an inference pass over {@code rows} tokens. */
    public InferenceSlot planInference(Region region, int rows) {
        return new InferenceSlot(this, Workspace.inference(region), rows);
    }

    /**
     * Memory for a pass over {@code rows} tokens of the first MTP module.
     *
     * @param maskFirst whether the embedding at position 0 counts as zero
     */
    public DraftSlot planDraft(Region region, int rows, boolean maskFirst) {
        return new DraftSlot(this, Workspace.inference(region), rows, maskFirst);
    }

    /**
     * Runs the next tokens of one sequence, which follow each other in the slot's rows, in expanded form; fills
     * {@code slot.hidden()} and the cache.
     */
    public void prefill(InferenceSlot s) {
        s.rows.expand(expanded.views(s.rows.start() + s.count()));
        extend(s);
    }

    /** Runs the next tokens of one or several sequences in absorbed form; fills {@code slot.hidden()} and the caches. */
    public void step(InferenceSlot s) {
        s.rows.expand(null);
        extend(s);
    }

    private void extend(InferenceSlot s) {
        rope.cover(s.rows.furthest() + 1);
        s.rows.upload();
        elementwise.embedding(s.stream[0], embedding.value(), s.rows.ids);
        for (int i = 0; i < blocks.size(); i++) {
            s.rows.layer(i);
            blocks.get(i).extend(s.stream[(i + 1) % 2], s.stream[i % 2], s.blocks[i], s.rows);
        }
        norm.forward(s.hidden(), s.stream[blocks.size() % 2], s.norm);
    }

    /** Runs the first MTP module over the next tokens of one or several sequences in absorbed form. */
    public void draft(DraftSlot s) {
        rope.cover(s.rows.furthest() + 1);
        s.rows.upload();
        s.rows.layer(blocks.size());
        mtp.getFirst().extend(s.module, s.rows, s.maskFirst);
    }

    /** {@code logits} [rows, vocabulary] of {@code hidden} [rows, hidden]: all of a slot's states, or some of them. */
    public void logits(Tensor logits, Tensor hidden) {
        head.logits(logits, hidden);
    }

    /** The next-token losses of what {@link #forward} left, without gradients. */
    public void loss(ModelSlot s) {
        head.loss(s.heads[0]);
    }

    /** All losses, and their gradients for the hidden states and the head; adds to the head's weight gradient. */
    public void lossGrad(ModelSlot s, LossFactors factors) {
        head.lossGrad(s.heads[0], factors.main);
        for (int k = 0; k < mtp.size(); k++) head.lossGrad(s.heads[k + 1], factors.mtp);
    }

    /**
     * Dgrad and Wgrad of everything before the head, block by block: what Dgrad of a block wrote is still in the caches when its
     * Wgrad reads it. The slot is free afterwards.
     */
    public void backward(ModelSlot s) {
        for (int k = mtp.size() - 1; k >= 0; k--) {
            mtp.get(k).inputGrad(s.dHiddenOf(k), s.sequence - k, s.mtp[k]);
            mtp.get(k).weightGrad(s.mtp[k]);
        }
        int last = blocks.size();
        norm.inputGrad(s.dStream[last], s.dHidden, s.norm, WRITE);
        norm.weightGrad(s.norm);
        for (int i = last - 1; i >= 0; i--) {
            blocks.get(i).inputGrad(s.dStream[i], s.dStream[i + 1], s.blocks[i]);
            blocks.get(i).weightGrad(s.blocks[i]);
        }
        elementwise.embeddingGrad(embedding.grad(), s.dStream[0], s.ids[0]);
    }

    Ops ops() {
        return ops;
    }

    Block block(int layer) {
        return blocks.get(layer);
    }

    Norm norm() {
        return norm;
    }

    Head head() {
        return head;
    }

    MtpModule mtp(int depth) {
        return mtp.get(depth);
    }
}
