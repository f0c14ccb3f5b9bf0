package io.gatun.trainer.loop;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.gatun.model.Golden;
import io.gatun.model.collective.SoloCollectives;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.LossFactors;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.ops.ReferenceOps;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.optim.Optimizer;
import io.gatun.trainer.schedule.TrainConfig;
import io.gatun.trainer.schedule.TrainConfigJson;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Gradients and five AdamW steps of the published code; tolerances are those that test-data/README.md gives. */
class TrainGoldenTest {
    private static final TrainConfig ADAMW = TrainConfigJson.parse(
            Map.ofEntries(
                    Map.entry("steps", 5),
                    Map.entry("sequence_length", 32),
                    Map.entry("batch_size", 2),
                    Map.entry("batch_start", 2),
                    Map.entry("micro_batch", 2),
                    Map.entry("lr", 1e-3),
                    Map.entry("warmup", 0),
                    Map.entry("decay_start", 1),
                    Map.entry("decay_end", 1),
                    Map.entry("beta1", 0.9),
                    Map.entry("beta2", 0.95),
                    Map.entry("eps", 1e-8),
                    Map.entry("weight_decay", 0.1),
                    Map.entry("decay_gains", true),
                    Map.entry("clip", 1.0),
                    Map.entry("balance_alpha", 0),
                    Map.entry("bias_speed", 0)),
            "golden recipe");

    @ParameterizedTest
    @CsvSource({"train-mini, true", "train-mini, false", "train-softmax-mini, true", "train-softmax-mini, false"})
    void equalsThePublishedCode(String name, boolean vector) {
        try (Team team = new Team(2);
                Golden golden = Golden.open(name)) {
            Ops ops = vector ? CpuOps.on(team) : new ReferenceOps();
            check(golden, ops);
        }
    }

    private static void check(Golden golden, Ops ops) {
        Tensor batches = golden.expected("batches");
        int batch = (int) batches.size(1);
        int sequence = (int) batches.size(2) - 1;
        ParameterStore store = golden.parameters(ops, "f32", true);
        DeepSeekV3 model = golden.model(ops, store);
        ModelSlot slot = model.plan(Workspace.training(ops, golden.arena()), batch, sequence);
        Tensor tokens = ops.ints(golden.arena(), batch, sequence + 1);

        fill(batches, 0, tokens);
        gradients(model, slot, tokens, batch, sequence);
        Tensor logits = ops.reals(
                golden.arena(), (long) batch * sequence, golden.config().vocabSize());
        model.logits(logits, slot.hidden());
        assertClose("logits", logits, golden.expected("logits"), 2e-4);
        for (ParameterStore.Entry entry : store.entries()) {
            if (entry.grad() == null) continue;
            String gradient = "grad." + entry.spec().name();
            assertClose(gradient, entry.grad(), golden.expected(gradient), 1e-5);
        }
        store.grads().clear();

        Optimizer optimizer = new Optimizer(ops, golden.arena(), store, ADAMW);
        TrainStep step = new TrainStep(
                ops,
                model,
                store,
                optimizer,
                ADAMW,
                new SoloCollectives(),
                (first, into) -> fill(batches, first / batch, into),
                slot,
                tokens);
        for (int i = 0; i < 5; i++) {
            StepResult result = step.run(i, (long) i * batch);
            assertThat(result.loss)
                    .as("loss " + i)
                    .isCloseTo(golden.expected("loss").get(i), offset(1e-5));
            assertThat(result.gradientNorm)
                    .as("gradient norm " + i)
                    .isCloseTo(golden.expected("grad_norm_before_clip").get(i), offset(1e-5));
            if (i == 0) compareParameters(golden, store, "step1.");
        }
        compareParameters(golden, store, "step5.");
    }

    private static void gradients(DeepSeekV3 model, ModelSlot slot, Tensor tokens, int batch, int sequence) {
        LossFactors factors = new LossFactors();
        factors.set(batch, sequence, 0, 0, 0);
        model.load(tokens, slot);
        model.forward(slot);
        model.lossGrad(slot, factors);
        model.backward(slot);
    }

    private static void compareParameters(Golden golden, ParameterStore store, String prefix) {
        double sum = 0;
        long count = 0;
        for (ParameterStore.Entry entry : store.entries()) {
            Tensor expected = golden.expected(prefix + entry.spec().name());
            assertClose(prefix + entry.spec().name(), entry.value(), expected, 1e-4);
            for (long i = 0; i < expected.count(); i++)
                sum += Math.abs(entry.value().get(i) - expected.get(i));
            count += expected.count();
        }
        assertThat(sum / count).as("mean error after " + prefix).isLessThan(1e-6);
    }

    private static void fill(Tensor batches, long index, Tensor tokens) {
        for (long i = 0; i < tokens.count(); i++) tokens.set(i, batches.get(index * tokens.count() + i));
    }
}
