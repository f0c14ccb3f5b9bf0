package io.gatun.model.generate;

import io.gatun.tensor.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Draws tokens from logits as a {@link Sampling} says. One sampler serves one sequence; its buffers are made once. */
final class Sampler {
    private final Sampling sampling;
    private final SplittableRandom random;
    private final float[] logits;
    private final long[] ranked; // logit in the upper half, so that sorting ranks; token in the lower
    private final boolean[] seen;

    Sampler(Sampling sampling, int vocabulary) {
        this.sampling = sampling;
        random = new SplittableRandom(sampling.seed());
        logits = new float[vocabulary];
        ranked = new long[vocabulary];
        seen = new boolean[vocabulary];
    }

    /** Tells that {@code id} is part of the text: the repetition penalty looks at it. */
    void saw(int id) {
        seen[id] = true;
    }

    /** The next token after {@code row} [1, vocabulary]. */
    int next(Tensor row) {
        for (int i = 0; i < logits.length; i++) logits[i] = penalised(i, (float) row.get(0, i));
        if (sampling.temperature() == 0) return argmax();
        return draw();
    }

    private float penalised(int id, float logit) {
        double penalty = sampling.repetitionPenalty();
        if (penalty == 1 || !seen[id]) return logit;
        return (float) (logit > 0 ? logit / penalty : logit * penalty);
    }

    private int argmax() {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) best = i;
        }
        return best;
    }

    private int draw() {
        int count = logits.length;
        for (int i = 0; i < count; i++) ranked[i] = (long) sortable(logits[i]) << 32 | (count - 1 - i);
        Arrays.sort(ranked);
        int kept = sampling.topK() == 0 ? count : Math.min(sampling.topK(), count);
        double highest = logits[token(0)];
        double all = 0;
        for (int r = 0; r < kept; r++) all += likelihood(r, highest);
        double least = sampling.minP(); // the most likely token has likelihood 1
        double sum = 0;
        int candidates = 0;
        while (candidates < kept) {
            double likelihood = likelihood(candidates, highest);
            if (candidates > 0 && (sum >= sampling.topP() * all || likelihood < least)) break;
            sum += likelihood;
            candidates++;
        }
        double at = random.nextDouble() * sum;
        for (int r = 0; r < candidates; r++) {
            at -= likelihood(r, highest);
            if (at < 0) return token(r);
        }
        return token(candidates - 1);
    }

    private int token(int rank) {
        int count = logits.length;
        return count - 1 - (int) ranked[count - 1 - rank];
    }

    private double likelihood(int rank, double highest) {
        return Math.exp((logits[token(rank)] - highest) / sampling.temperature());
    }

    private static int sortable(float value) { // orders as the float does, read as a signed integer
        int bits = Float.floatToIntBits(value);
        return bits < 0 ? bits ^ 0x7fffffff : bits;
    }
}
