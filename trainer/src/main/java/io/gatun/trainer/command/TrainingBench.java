package io.gatun.trainer.command;

import io.gatun.model.collective.SoloCollectives;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.Initialisation;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.ParameterStore;
import io.gatun.model.layer.Workspace;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import io.gatun.trainer.loop.RunConfig;
import io.gatun.trainer.loop.TrainStep;
import io.gatun.trainer.optim.Optimizer;
import io.gatun.trainer.schedule.TrainConfig;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/** Measures training steps on random ids: median tokens per second, and where a step's time goes. */
final class TrainingBench {
    private final RunConfig run;
    private final int threads;
    private final int warmup;
    private final long[] nanos;

    /** {@code steps} steps after {@code warmup} that are not counted. */
    TrainingBench(RunConfig run, int threads, int warmup, int steps) {
        this.run = run;
        this.threads = threads;
        this.warmup = warmup;
        nanos = new long[steps];
    }

    /** Runs the steps; what came out, by name. */
    Map<String, Object> measure() {
        Map<TimedOps.Kind, Long> split = new EnumMap<>(TimedOps.Kind.class);
        return result(run(split), split);
    }

    private long run(Map<TimedOps.Kind, Long> split) {
        TrainConfig train = run.train();
        ModelConfig shape = run.model();
        try (Team team = new Team(threads);
                Arena arena = Arena.ofShared()) {
            TimedOps ops = new TimedOps(CpuOps.on(team));
            ParameterStore store = new ParameterStore(ops, arena, shape, PrecisionRecipe.named(run.recipe()), true);
            Initialisation.normal(store, train.initStd(), run.seed());
            DeepSeekV3 model = new DeepSeekV3(ops, shape, store, arena, train.sequenceLength());
            ModelSlot slot = model.plan(Workspace.training(ops, arena), train.microBatch(), train.sequenceLength());
            Tensor ids = ops.ints(arena, train.microBatch(), train.sequenceLength() + 1);
            TrainStep step = new TrainStep(
                    ops,
                    model,
                    store,
                    new Optimizer(ops, arena, store, train),
                    train,
                    new SoloCollectives(),
                    (first, into) -> random(into, first, shape.vocabSize()),
                    slot,
                    ids);
            long tokens = 0;
            long cursor = 0;
            for (int i = 0; i < warmup + nanos.length; i++) {
                if (i == warmup) ops.take();
                long start = System.nanoTime();
                tokens = step.run(i, cursor).tokens;
                if (i >= warmup) nanos[i - warmup] = System.nanoTime() - start;
                cursor += tokens / train.sequenceLength();
            }
            split.putAll(ops.take());
            return tokens;
        }
    }

    private static void random(Tensor ids, long first, int vocabulary) {
        SplittableRandom random = new SplittableRandom(first);
        for (long i = 0; i < ids.count(); i++) ids.set(i, random.nextInt(vocabulary));
    }

    private Map<String, Object> result(long tokens, Map<TimedOps.Kind, Long> split) {
        long all = Arrays.stream(nanos).sum();
        Arrays.sort(nanos);
        double median = nanos[nanos.length / 2] * 1e-9;
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("config", run.name());
        result.put("recipe", run.recipe());
        result.put("threads", threads);
        result.put("tokens_per_step", tokens);
        result.put("tokens_per_s", Math.round(tokens / median));
        result.put("best_tokens_per_s", Math.round(tokens / (nanos[0] * 1e-9)));
        result.put("median_step_ms", Math.round(median * 1e4) / 10.0);
        Map<String, Object> shares = new LinkedHashMap<>();
        long rest = all;
        for (Map.Entry<TimedOps.Kind, Long> part : split.entrySet()) {
            shares.put(part.getKey().name().toLowerCase(Locale.ROOT), share(part.getValue(), all));
            rest -= part.getValue();
        }
        shares.put("rest", share(rest, all));
        result.put("percent_of_step", shares);
        return result;
    }

    private static double share(long part, long all) {
        return Math.round(1000.0 * part / all) / 10.0;
    }
}
