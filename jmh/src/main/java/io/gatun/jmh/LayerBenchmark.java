package io.gatun.jmh;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.Initialisation;
import io.gatun.model.layer.LossFactors;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.loop.RunConfigJson;
import java.lang.foreign.Arena;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** One block in training at the shape of train-small, four sequences of 128 tokens, with embedding and final norm, without head. */
public class LayerBenchmark extends CpuBenchmark {
    private static final int SEQUENCES = 4;
    private static final int LENGTH = 128;

    /** What follows the attention. */
    public enum Kind {
        DENSE,
        EXPERTS
    }

    @Param({"DENSE", "EXPERTS"})
    public Kind kind;

    private DeepSeekV3 model;
    private ModelSlot slot;

    @Override
    void setUp() {
        List<String> sets =
                List.of("model.num_hidden_layers=1", "model.first_k_dense_replace=" + (kind == Kind.DENSE ? 1 : 0));
        ModelConfig shape = RunConfigJson.resolve("train-small", sets, "f32", 1).model();
        Arena arena = memory.arena();
        ParameterStore store = new ParameterStore(ops, arena, shape, PrecisionRecipe.named("f32"), true);
        Initialisation.normal(store, 0.05, 1);
        model = new DeepSeekV3(ops, shape, store, arena, LENGTH);
        slot = model.plan(Workspace.training(ops, arena), SEQUENCES, LENGTH);
        Tensor tokens = memory.below(shape.vocabSize(), SEQUENCES, LENGTH + 1);
        LossFactors factors = new LossFactors();
        factors.set(SEQUENCES, LENGTH, 0, 0, 0);
        model.load(tokens, slot);
        model.forward(slot);
        model.lossGrad(slot, factors);
    }

    @Benchmark
    public ModelSlot forward() {
        model.forward(slot);
        return slot;
    }

    @Benchmark
    public ModelSlot backward() {
        model.backward(slot);
        return slot;
    }
}
