package io.gatun.model.layer;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.config.Role;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.ops.ReferenceOps;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The gradient of the whole loss (next token, MTP, sequence balance) for every parameter of a model with all its parts. */
class WholeModelGradientTest {
    private static final int BATCH = 2;
    private static final int SEQUENCE = 7;
    private static final long SEED = 20260101;

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    /** MTP of depth 2, two shared experts, four groups of which two are kept, query compression, unequal head widths. */
    private static ModelConfig sigmoid() {
        return config(
                "\"q_lora_rank\": 10, \"scoring_func\": \"sigmoid\", \"topk_method\": \"noaux_tc\", \"norm_topk_prob\": true");
    }

    /** V2's router, without query compression. */
    private static ModelConfig softmax() {
        return config("\"q_lora_rank\": null, \"scoring_func\": \"softmax\", \"topk_method\": \"group_limited_greedy\","
                + " \"norm_topk_prob\": false");
    }

    private static ModelConfig config(String router) {
        return ModelConfigJson.parse("""
                {"model_type": "deepseek_v3", "vocab_size": 23, "hidden_size": 14, "intermediate_size": 18,
                 "moe_intermediate_size": 6, "num_hidden_layers": 2, "num_attention_heads": 3, "n_routed_experts": 8,
                 "n_shared_experts": 2, "routed_scaling_factor": 1.5, "kv_lora_rank": 8, "qk_rope_head_dim": 4,
                 "v_head_dim": 5, "qk_nope_head_dim": 6, "n_group": 4, "topk_group": 2, "num_experts_per_tok": 3,
                 "first_k_dense_replace": 1, "max_position_embeddings": 16, "rms_norm_eps": 1e-6, "rope_theta": 100.0,
                 "num_nextn_predict_layers": 2, "tie_word_embeddings": false, "bos_token_id": 0, "eos_token_id": 1, %s}
                """.formatted(router), "test configuration");
    }

    /** A model with random parameters, and one batch of random tokens. */
    private final class Run {
        final Ops ops;
        final ParameterStore store;
        final DeepSeekV3 model;
        final ModelSlot slot;
        final Tensor tokens;
        final LossFactors factors = new LossFactors();

        Run(Ops ops, ModelConfig config, String recipe) {
            this.ops = ops;
            store = new ParameterStore(ops, arena, config, PrecisionRecipe.named(recipe), true);
            Initialisation.normal(store, 0.4, SEED);
            var random = new SplittableRandom(SEED);
            for (ParameterStore.Entry entry : store.entries()) {
                if (entry.value().rank() > 1) continue; // gains and selection biases away from 1 and 0
                for (long i = 0; i < entry.value().count(); i++) {
                    entry.value().set(i, entry.value().get(i) + 0.2 * random.nextGaussian());
                }
            }
            store.refresh();
            model = new DeepSeekV3(ops, config, store, arena, SEQUENCE);
            slot = model.plan(Workspace.training(ops, arena), BATCH, SEQUENCE);
            tokens = ops.ints(arena, BATCH, SEQUENCE + 1);
            for (long i = 0; i < tokens.count(); i++) tokens.set(i, random.nextInt(config.vocabSize()));
            factors.set(BATCH, SEQUENCE, 2, 0.3, 0.7); // a large α, so that a wrong balance gradient shows
        }

        double loss() {
            forward();
            model.lossGrad(slot, factors);
            double loss = factors.main * ops.elementwise().sum(slot.losses(0));
            for (int k = 1; k <= 2; k++) loss += factors.mtp * ops.elementwise().sum(slot.losses(k));
            for (int i = 0; i < slot.routed().size(); i++) {
                loss += factors.balance * ops.elementwise().sum(slot.balanceLoss(i));
            }
            return loss;
        }

        private void forward() {
            model.load(tokens, slot);
            slot.balance(factors.balance);
            model.forward(slot);
            model.forwardMtp(slot);
        }

        void gradients() {
            store.grads().clear();
            loss();
            model.backward(slot);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theReferenceAgreesWithCentralDifferences(boolean sigmoid) {
        Run run = new Run(new ReferenceOps(), sigmoid ? sigmoid() : softmax(), "f32");
        run.gradients();
        Tensor gradients = run.ops.reals(arena, run.store.grads().count());
        gradients.copyFrom(run.store.grads()); // further losses add to the head's
        var random = new SplittableRandom(7);
        double step = 1e-5;
        for (ParameterStore.Entry entry : run.store.entries()) {
            if (entry.grad() == null) continue;
            int samples = entry.spec().role() == Role.EXPERT ? 1 : 2;
            for (int sample = 0; sample < samples; sample++) {
                long i = random.nextLong(entry.value().count());
                long offset =
                        entry.grad().data().address() - run.store.grads().data().address();
                double analytic = gradients.get(0, offset / Double.BYTES + i);
                double value = entry.value().get(i);
                entry.value().set(i, value + step);
                run.store.refresh();
                double above = run.loss();
                entry.value().set(i, value - step);
                run.store.refresh();
                double below = run.loss();
                entry.value().set(i, value);
                run.store.refresh();
                double numeric = (above - below) / (2 * step);
                assertThat(Math.abs(analytic - numeric))
                        .as("%s[%d]: analytic %g, numeric %g", entry.spec().name(), i, analytic, numeric)
                        .isLessThan(2e-8 + 1e-5 * Math.abs(numeric));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void vectorKernelsAgreeWithTheReference(boolean sigmoid) {
        try (Team team = new Team(2)) {
            ModelConfig config = sigmoid ? sigmoid() : softmax();
            Run expected = new Run(new ReferenceOps(), config, "f32");
            Run actual = new Run(CpuOps.on(team), config, "f32");
            assertThat(actual.loss()).isCloseTo(expected.loss(), offset(2e-6));
            expected.gradients();
            actual.gradients();
            for (ParameterStore.Entry entry : expected.store.entries()) {
                if (entry.grad() == null) continue;
                String name = entry.spec().name();
                assertClose("gradient of " + name, actual.store.entry(name).grad(), entry.grad(), 1e-5);
            }
        }
    }

    @Test
    void selectionBiasesGetNoGradientAndEveryOtherParameterDoes() {
        Run run = new Run(new ReferenceOps(), sigmoid(), "f32");
        run.gradients();
        for (ParameterStore.Entry entry : run.store.entries()) {
            if (entry.grad() == null) {
                assertThat(entry.spec().name()).endsWith("e_score_correction_bias");
                continue;
            }
            if (entry.spec().name().contains(".experts.")) continue; // an expert without tokens has none
            double sum = 0;
            for (long i = 0; i < entry.grad().count(); i++)
                sum += Math.abs(entry.grad().get(i));
            assertThat(sum).as(entry.spec().name()).isPositive();
        }
    }
}
