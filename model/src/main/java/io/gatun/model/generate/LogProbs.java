package io.gatun.model.generate;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * How likely the model found a token: natural logarithms of the softmax of its logits as they are, before temperature,
 * penalties and filters.
 *
 * @param id the token
 * @param logProb its log-probability
 * @param top the most likely tokens in falling order, ties by rising id
 */
public record LogProbs(int id, double logProb, List<Alternative> top) {
    /** One of the most likely tokens. */
    public record Alternative(int id, double logProb) {}

    public LogProbs {
        top = List.copyOf(top);
    }

    /**
     * The log-probabilities of {@code id} and of the {@code count} most likely tokens, or of all if there are fewer.
     *
     * @param row logits f32 [1, vocabulary], finite
     * @throws io.gatun.tensor.TensorException when shape or type differ
     */
    public static LogProbs of(Tensor row, int id, int count) {
        int vocabulary = row.cols();
        Sampler.checkRow(row, vocabulary);
        MemorySegment logits = row.data();
        Ranking ranking = new Ranking(Math.min(count, vocabulary));
        ranking.clear(Math.min(count, vocabulary));
        double highest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < vocabulary; i++) highest = Math.max(highest, logit(logits, i));
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            sum += Math.exp(logit(logits, i) - highest);
            if (count > 0) ranking.offer(logit(logits, i), i);
        }
        double logSum = Math.log(sum); // relative to the highest: large logits keep their digits
        ranking.sort();
        List<Alternative> top = new ArrayList<>(ranking.size());
        for (int r = 0; r < ranking.size(); r++) {
            top.add(new Alternative(ranking.id(r), logit(logits, ranking.id(r)) - highest - logSum));
        }
        return new LogProbs(id, logit(logits, id) - highest - logSum, top);
    }

    private static float logit(MemorySegment logits, int id) {
        return logits.get(JAVA_FLOAT_UNALIGNED, 4L * id);
    }
}
