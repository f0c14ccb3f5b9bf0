package io.gatun.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.gatun.model.collective.SoloCollectives;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.Initialisation;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.balance.ExpertLoad;
import io.gatun.trainer.optim.Optimizer;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Single steps and short runs of the tiny configuration on made-up tokens. */
class TrainStepTest {
    private final Arena arena = Arena.ofShared();
    private final Team team = new Team(2);

    @AfterEach
    void close() {
        team.close();
        arena.close();
    }

    /** A tiny model and its steps; tokens are few and skewed, so that routing has something to collapse on. */
    private final class Steps {
        final ParameterStore store;
        final TrainStep step;
        long cursor;
        long done;

        Steps(String recipe, String... sets) {
            RunConfig config = RunConfigJson.resolve("tiny", TinyRun.sets(sets), recipe, 5);
            ModelConfig model = config.model();
            Ops ops = CpuOps.on(team);
            store = new ParameterStore(ops, arena, model, PrecisionRecipe.named(recipe), true);
            Initialisation.normal(store, 0.05, 5);
            int batch = config.train().microBatch();
            int sequence = config.train().sequenceLength();
            DeepSeekV3 network = new DeepSeekV3(ops, model, store, arena, sequence);
            ModelSlot slot = network.plan(Workspace.training(ops, arena), batch, sequence);
            Tensor tokens = ops.ints(arena, batch, sequence + 1);
            Optimizer optimizer = new Optimizer(ops, arena, store, config.train());
            step = new TrainStep(
                    ops, network, store, optimizer, config.train(), new SoloCollectives(), Steps::fill, slot, tokens);
        }

        private static void fill(long first, Tensor tokens) {
            long state = first * 0x9E3779B97F4A7C15L + 1;
            int last = 0;
            for (long i = 0; i < tokens.count(); i++) {
                state = state * 6364136223846793005L + 1442695040888963407L;
                int draw = (int) (state >>> 33);
                last = draw % 4 == 0 ? (draw >>> 2) % 60 : (last * 5 + 3) % 60;
                tokens.set(i, last);
            }
        }

        StepResult next() {
            StepResult result = step.run(done++, cursor);
            cursor += result.batchSize;
            return result;
        }
    }

    @Test
    @Tag("allocation")
    void allocatesNothingOnceWarm() {
        Steps steps = new Steps("f32", "train.steps=2000", "train.balance_alpha=0.01");
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = Long.MAX_VALUE;
        for (int block = 0; block < 400 && allocated > 0; block++) { // compilers take their time
            long mine = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 40; i++) steps.next();
            allocated = threads.getCurrentThreadAllocatedBytes() - mine;
        }
        assertThat(allocated).as("bytes allocated by 40 steps").isZero();
    }

    @Test
    void bf16ReachesTheLossOfF32() {
        double f32 = lossAfter(200, "f32");
        double bf16 = lossAfter(200, "bf16");
        assertThat(Math.abs(bf16 - f32) / f32).as("f32 %f, bf16 %f", f32, bf16).isLessThan(0.01);
        assertThat(bf16).as("rounding must do something").isNotEqualTo(f32);
    }

    private double lossAfter(int count, String recipe) {
        Steps steps = new Steps(recipe, "train.steps=" + count);
        double last = 0;
        for (int i = 0; i < count; i++) {
            double loss = steps.next().loss;
            if (i >= count - 10) last += loss / 10;
        }
        return last;
    }

    @Test
    void theBiasUpdateEvensTheLoadOfExperts() {
        double on = maxVio("train.bias_speed=0.01");
        double off = maxVio("train.bias_speed=0");
        assertThat(on).as("MaxVio with the update %f, without %f", on, off).isLessThan(off / 5);
    }

    /** MaxVio of the load over the last 50 of 300 steps, mean over the MoE layers. */
    private double maxVio(String speed) {
        Steps steps = new Steps(
                "f32",
                "train.steps=300",
                "train.balance_alpha=0",
                "train.bias_speed_off=1",
                "train.batch_size=8",
                speed);
        long[][] sums = null;
        for (int i = 0; i < 300; i++) {
            steps.next();
            long[][] counts = steps.step.load().counts();
            if (i == 250) sums = new long[counts.length][counts[0].length];
            for (int layer = 0; sums != null && layer < counts.length; layer++) {
                for (int e = 0; e < counts[layer].length; e++) sums[layer][e] += counts[layer][e];
            }
        }
        double mean = 0;
        for (long[] layer : sums) mean += ExpertLoad.maxVio(layer) / sums.length;
        return mean;
    }

    @Test
    void aLossThatIsNotFiniteNamesStepAndPlace() {
        Steps steps = new Steps("f32", "train.steps=10");
        steps.next();
        Tensor poisoned =
                steps.store.entry("model.layers.1.self_attn.kv_b_proj.weight").value();
        poisoned.set(3, Double.NaN);
        steps.store.refresh();
        assertThatThrownBy(steps::next)
                .isInstanceOf(NotFiniteException.class)
                .hasMessageContaining("step 2: the loss is not finite")
                .hasMessageContaining("parameter model.layers.1.self_attn.kv_b_proj.weight");
    }

    @Test
    void anActivationThatIsNotFiniteIsFoundWhereItBegan() {
        Steps steps = new Steps("f32", "train.steps=10");
        Tensor table = steps.store.entry("model.embed_tokens.weight").value();
        for (long i = 0; i < table.count(); i++) table.set(i, 3e38); // finite, but its square is not
        assertThatThrownBy(steps::next)
                .isInstanceOf(NotFiniteException.class)
                .hasMessageContaining("first appears in layers.0");
    }

    @Test
    void everyStepIsTheSameForTheSameSeed() {
        assertThat(lossAfter(12, "f32")).isEqualTo(lossAfter(12, "f32"));
    }
}
