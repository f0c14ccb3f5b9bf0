package io.gatun.trainer.command;

import io.gatun.model.collective.SoloCollectives;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.json.Json;
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
import io.gatun.trainer.loop.RunConfigJson;
import io.gatun.trainer.loop.TrainStep;
import io.gatun.trainer.optim.Optimizer;
import io.gatun.trainer.schedule.TrainConfig;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Training speed on random ids: median tokens per second, and where a step's time goes. */
@Command(
        name = "bench",
        description = "Measures training steps on random ids.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class BenchCommand implements Callable<Integer> {
    @Option(names = "--train", required = true, paramLabel = "NAME|FILE", description = "the configuration to train")
    private String config;

    @Option(names = "--set", paramLabel = "FIELD=VALUE", description = "overrides a field; repeatable")
    private List<String> sets = new ArrayList<>();

    @Option(names = "--recipe", paramLabel = "FORMAT", description = "f32 or bf16 (default: ${DEFAULT-VALUE})")
    private String recipe = "f32";

    @Option(names = "--threads", paramLabel = "N", description = "threads that compute (default: all processors)")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--steps", paramLabel = "N", description = "measured steps (default: ${DEFAULT-VALUE})")
    private int steps = 20;

    @Option(names = "--warmup", paramLabel = "N", description = "steps before them (default: ${DEFAULT-VALUE})")
    private int warmup = 10;

    @Option(names = "--json", description = "prints one JSON object")
    private boolean json;

    @Override
    public Integer call() {
        if (threads < 1) throw new IllegalArgumentException("--threads is " + threads + "; it must be at least 1");
        if (steps < 1 || warmup < 0) throw new IllegalArgumentException("--steps must be at least 1 and --warmup 0");
        sets.add("train.steps=" + (steps + warmup));
        RunConfig run = RunConfigJson.resolve(config, sets, recipe, 1);
        long[] nanos = new long[steps];
        Map<TimedOps.Kind, Long> split = new EnumMap<>(TimedOps.Kind.class);
        long tokens = measure(run, nanos, split);
        print(run, tokens, nanos, split);
        return 0;
    }

    private long measure(RunConfig run, long[] nanos, Map<TimedOps.Kind, Long> split) {
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
            for (int i = 0; i < warmup + steps; i++) {
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

    private void print(RunConfig run, long tokens, long[] nanos, Map<TimedOps.Kind, Long> split) {
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
        if (json) {
            System.out.println(Json.writeCompact(result));
            return;
        }
        result.forEach((name, value) -> System.out.printf("%-18s %s%n", name, value));
    }

    private static double share(long part, long all) {
        return Math.round(1000.0 * part / all) / 10.0;
    }
}
