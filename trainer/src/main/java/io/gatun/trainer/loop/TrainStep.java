package io.gatun.trainer.loop;

import io.gatun.model.collective.Collectives;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.LossFactors;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.balance.BiasUpdate;
import io.gatun.trainer.balance.ExpertLoad;
import io.gatun.trainer.optim.Optimizer;
import io.gatun.trainer.schedule.Schedule;
import io.gatun.trainer.schedule.TrainConfig;

/**
 * One optimizer step: for each micro-batch forward, losses, input gradients and weight gradients; then gradients are reduced,
 * clipped and applied, and the selection biases moved by the load of the whole global batch (SPEC 3, 4).
 */
public final class TrainStep {
    /** Where micro-batches come from. */
    @FunctionalInterface
    public interface Batches {
        /** Fills the rows of {@code tokens}, i32 [microBatch, sequence + 1], with sequences {@code first}, first + 1, … */
        void fill(long first, Tensor tokens);
    }

    private final DeepSeekV3 model;
    private final ParameterStore store;
    private final Optimizer optimizer;
    private final Schedule schedule;
    private final TrainConfig config;
    private final Collectives collectives;
    private final Elementwise elementwise;
    private final Batches batches;
    private final Tensor tokens;
    private final ModelSlot slot;
    private final ExpertLoad load;
    private final Tensor[] biases; // by MoE layer of the slot; null without selection bias
    private final LossFactors factors = new LossFactors();
    private final StepResult result = new StepResult();

    /**
     * @param slot planned for training with {@code config}'s micro-batch and sequence
     * @param tokens i32 [microBatch, sequence + 1], this step's own
     */
    public TrainStep(
            Ops ops,
            DeepSeekV3 model,
            ParameterStore store,
            Optimizer optimizer,
            TrainConfig config,
            Collectives collectives,
            Batches batches,
            ModelSlot slot,
            Tensor tokens) {
        this.model = model;
        this.store = store;
        this.optimizer = optimizer;
        this.config = config;
        this.collectives = collectives;
        this.batches = batches;
        this.slot = slot;
        this.tokens = tokens;
        schedule = new Schedule(config);
        elementwise = ops.elementwise();
        load = new ExpertLoad(slot);
        biases = new Tensor[load.size()];
        for (int i = 0; i < biases.length; i++) {
            ParameterStore.Entry bias =
                    store.entry("model.layers." + load.layer(i) + ".mlp.gate.e_score_correction_bias");
            biases[i] = bias == null ? null : bias.value();
        }
    }

    /** The expert load of the last step. */
    public ExpertLoad load() {
        return load;
    }

    /**
     * Runs step {@code step}, counted from 0.
     *
     * @param cursor sequences that the run has used so far
     * @return this object's one result, valid until the next call
     * @throws NotFiniteException when a loss or the gradient norm is not finite; parameters are those before the step
     */
    public StepResult run(long step, long cursor) {
        int microBatches = schedule.microBatches(step);
        int sequences = microBatches * config.microBatch();
        int depth = slot.depths() - 1;
        factors.set(sequences, config.sequenceLength(), depth, schedule.mtpLambda(step), config.balanceAlpha());
        double loss = 0;
        double mtpLoss = 0;
        double balanceLoss = 0;
        load.clear();
        for (int i = 0; i < microBatches; i++) {
            batches.fill(cursor + (long) i * config.microBatch(), tokens);
            gradients();
            loss += elementwise.sum(slot.losses(0));
            for (int k = 1; k <= depth; k++) mtpLoss += elementwise.sum(slot.losses(k));
            if (factors.balance != 0) balanceLoss += balanceLoss();
            load.add(slot);
        }
        collectives.allReduceSum(store.grads()).await();
        double tokensSeen = (double) sequences * config.sequenceLength();
        result.step = step + 1;
        result.loss = loss / tokensSeen;
        result.mtpLoss = depth == 0 ? Double.NaN : mtpLoss / (tokensSeen * depth);
        result.balanceLoss = balanceLoss / sequences;
        result.gradientNorm = optimizer.gradientNorm();
        result.learningRate = schedule.learningRate(step);
        result.batchSize = sequences;
        result.tokens = (long) tokensSeen;
        if (!Double.isFinite(loss + mtpLoss)) throw NotFiniteException.at(step + 1, "the loss", store, slot);
        if (!Double.isFinite(result.gradientNorm)) {
            throw NotFiniteException.at(step + 1, "the gradient norm", store, slot);
        }
        optimizer.step(step + 1, result.learningRate, result.gradientNorm);
        double speed = schedule.biasSpeed(step);
        for (int i = 0; i < biases.length; i++) {
            if (biases[i] != null && speed != 0) BiasUpdate.apply(biases[i], load.counts(i), speed);
        }
        return result;
    }

    private void gradients() {
        model.load(tokens, slot);
        slot.balance(factors.balance);
        model.forward(slot);
        model.forwardMtp(slot);
        model.lossGrad(slot, factors);
        model.backward(slot);
    }

    private double balanceLoss() {
        double sum = 0;
        for (int i = 0; i < slot.routed().size(); i++) sum += elementwise.sum(slot.balanceLoss(i));
        return sum;
    }
}
