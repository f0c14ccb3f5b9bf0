package io.gatun.jmh;

import io.gatun.model.collective.SoloCollectives;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.Initialisation;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.loop.RunConfig;
import io.gatun.trainer.loop.RunConfigJson;
import io.gatun.trainer.loop.StepResult;
import io.gatun.trainer.loop.TrainStep;
import io.gatun.trainer.optim.Optimizer;
import io.gatun.trainer.schedule.TrainConfig;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;

/** Training at the shape of train-small, one step on four sequences of 128 random tokens. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class TrainingBenchmark extends CpuBenchmark {
    private static final int SEQUENCES = 4;
    private static final int LENGTH = 128;

    @Param({"f32", "bf16"})
    public String recipe;

    private TrainStep step;
    private long steps;

    @Override
    void setUp() {
        List<String> sets = List.of(
                "train.sequence_length=" + LENGTH,
                "train.batch_size=" + SEQUENCES,
                "train.batch_start=" + SEQUENCES,
                "train.micro_batch=" + SEQUENCES);
        RunConfig run = RunConfigJson.resolve("train-small", sets, recipe, 1);
        TrainConfig train = run.train();
        Arena arena = memory.arena();
        ParameterStore store = new ParameterStore(ops, arena, run.model(), PrecisionRecipe.named(recipe), true);
        Initialisation.normal(store, train.initStd(), run.seed());
        DeepSeekV3 model = new DeepSeekV3(ops, run.model(), store, arena, LENGTH);
        ModelSlot slot = model.plan(Workspace.training(ops, arena), SEQUENCES, LENGTH);
        Tensor ids = ops.ints(arena, SEQUENCES, LENGTH + 1);
        step = new TrainStep(
                ops,
                model,
                store,
                new Optimizer(ops, arena, store, train),
                train,
                new SoloCollectives(),
                (first, into) -> random(into, first, run.model().vocabSize()),
                slot,
                ids);
    }

    private static void random(Tensor ids, long first, int vocabulary) {
        SplittableRandom random = new SplittableRandom(first);
        for (long i = 0; i < ids.count(); i++) ids.set(i, random.nextInt(vocabulary));
    }

    @Benchmark
    public StepResult step() {
        StepResult result = step.run(steps, steps * SEQUENCES);
        steps++;
        return result;
    }
}
