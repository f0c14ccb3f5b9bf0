package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.generate.Session;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Measures a model: prompts of random tokens, then decoding of random tokens one by one. Decoding is set against the rate at which
 * memory can be read, measured between the rounds: each token reads all its active weights once.
 */
final class InferenceBench {
    private final LanguageModel model;
    private final String name;
    private final int threads;
    private final int prompt;
    private final int decoded;
    private final int depth;
    private final int batch;

    InferenceBench(LanguageModel model, String name, int threads, int prompt, int decoded, int depth, int batch) {
        int positions = depth + prompt + decoded;
        if (positions > model.config().maxPositionEmbeddings()) {
            throw new IllegalArgumentException("-d, -p and -n are %d tokens together; the model takes %d"
                    .formatted(positions, model.config().maxPositionEmbeddings()));
        }
        this.model = model;
        this.name = name;
        this.threads = threads;
        this.prompt = prompt;
        this.decoded = decoded;
        this.depth = depth;
        this.batch = batch;
    }

    /** What came out, by name. */
    Map<String, Object> measure(int rounds) {
        model.warmUp(Math.min(prompt, 256));
        double[] prefills = new double[rounds];
        double[] decodings = new double[rounds];
        double[] roofs = new double[rounds];
        long[] latencies = new long[rounds * decoded];
        try (Team team = new Team(threads);
                MemoryRoof roof = new MemoryRoof()) {
            for (int i = 0; i < rounds; i++) {
                roofs[i] = roof.readRate(team);
                round(i, prefills, decodings, latencies);
            }
        }
        double decode = median(decodings);
        double bytes = model.activeWeightBytes();
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", name);
        result.put("compute", model.compute().toString());
        result.put("threads", threads);
        result.put("prompt", prompt);
        result.put("depth", depth);
        result.put("batch", batch);
        result.put("prefill_tokens_per_s", rounded(median(prefills)));
        result.put("decode_tokens_per_s", rounded(decode * batch));
        Arrays.sort(latencies);
        result.put("step_ms_p50", rounded(1e-6 * percentile(latencies, 0.5)));
        result.put("step_ms_p99", rounded(1e-6 * percentile(latencies, 0.99)));
        result.put("step_ms_p999", rounded(1e-6 * percentile(latencies, 0.999)));
        result.put("active_weight_mb", rounded(1e-6 * bytes));
        result.put("roof_gb_per_s", rounded(median(roofs)));
        if (batch == 1) {
            result.put("decode_gb_per_s", rounded(1e-9 * bytes * decode));
            result.put("share_of_roof", rounded(1e-9 * bytes * decode / median(roofs)));
        }
        return result;
    }

    private void round(int round, double[] prefills, double[] decodings, long[] latencies) {
        Session[] sessions = new Session[batch];
        try (Session first = model.newSession(depth + prompt + decoded)) {
            if (depth > 0) first.prefill(tokens(depth, 1));
            int[] ids = tokens(prompt, 2);
            long start = System.nanoTime();
            first.prefill(ids);
            prefills[round] = prompt * 1e9 / (System.nanoTime() - start);
            first.truncate(depth);
            for (int s = 0; s < batch; s++) sessions[s] = s == 0 ? first : first.fork();
            decodings[round] = decode(sessions, round, latencies);
            for (int s = 1; s < batch; s++) sessions[s].close();
        }
    }

    private double decode(Session[] sessions, int round, long[] latencies) {
        int[] random = tokens(decoded * batch, 3);
        int[] ids = new int[batch];
        Tensor logits =
                Tensor.zeros(Arena.ofAuto(), DType.F32, batch, model.config().vocabSize());
        long start = System.nanoTime();
        long last = start;
        for (int i = 0; i < decoded; i++) {
            System.arraycopy(random, i * batch, ids, 0, batch);
            Session.step(sessions, ids, logits);
            long now = System.nanoTime();
            latencies[round * decoded + i] = now - last;
            last = now;
        }
        return decoded * 1e9 / (last - start);
    }

    private int[] tokens(int count, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = random.nextInt(model.config().vocabSize());
        return ids;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static long percentile(long[] sorted, double share) {
        return sorted[(int) Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }
}
