package io.gatun.model.generate;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** The distribution of the next token, written as Hugging Face's processors are, on a sorted vocabulary. */
final class SamplerReference {
    private SamplerReference() {}

    /** The probability of every token. */
    static double[] distribution(Sampling sampling, float[] logits, TreeSet<Integer> seen) {
        float[] scores = logits.clone();
        float penalty = (float) sampling.repetitionPenalty();
        for (int id : seen) scores[id] = scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty;
        for (Map.Entry<Integer, Double> bias : sampling.logitBias().entrySet()) {
            scores[bias.getKey()] += bias.getValue().floatValue();
        }
        List<Integer> ranked = IntStream.range(0, scores.length)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -(scores[i] + 0f))
                        .thenComparingInt(i -> i))
                .toList();
        double[] probabilities = new double[scores.length];
        if (sampling.temperature() == 0) {
            probabilities[ranked.getFirst()] = 1;
            return probabilities;
        }
        if (sampling.topK() > 0) ranked = ranked.subList(0, Math.min(sampling.topK(), ranked.size()));
        softmax(probabilities, scores, ranked, sampling.temperature());
        if (sampling.topP() < 1) {
            ranked = nucleus(ranked, probabilities, sampling.topP());
            softmax(probabilities, scores, ranked, sampling.temperature());
        }
        double least = sampling.minP() * probabilities[ranked.getFirst()];
        ranked = ranked.stream().filter(i -> probabilities[i] >= least).toList();
        softmax(probabilities, scores, ranked, sampling.temperature());
        return probabilities;
    }

    /** From the least likely up: as long as what they add up to is at most 1 - p they go, but the last one stays. */
    private static List<Integer> nucleus(List<Integer> ranked, double[] probabilities, double topP) {
        double sum = 0;
        int kept = ranked.size();
        while (kept > 1) {
            sum += probabilities[ranked.get(kept - 1)];
            if (sum > 1 - topP) break;
            kept--;
        }
        return ranked.subList(0, kept);
    }

    private static void softmax(double[] out, float[] scores, List<Integer> ids, double temperature) {
        double highest = scores[ids.getFirst()];
        double sum = 0;
        for (int id : ids) sum += Math.exp((scores[id] - highest) / temperature);
        Arrays.fill(out, 0);
        for (int id : ids) out[id] = Math.exp((scores[id] - highest) / temperature) / sum;
    }
}
