package io.gatun.model.generate;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.gatun.model.ModelException;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;

/**
 * Draws tokens from logits as a {@link Sampling} says. One sampler serves one sequence, used by one thread at a time; its
 * buffers are made once, and drawing allocates nothing. The same seed, logits and calls give the same tokens.
 *
 * <p>{@link #distribution} leaves the distribution that {@link #draw} draws from, after all penalties and filters, for who
 * wants to look at it: the {@link SpeculativeSampler} does. Where tokens tie, the lower id counts as the more likely: top-k
 * keeps exactly k.
 */
public final class Sampler {
    private static final int BUCKETS = 256; // the last holds whatever is less likely than e^-32

    private final Sampling sampling;
    private final RandomStream random;
    private final int vocabulary;
    private final float penalty;
    private final int[] biased; // tokens with a bias
    private final float[] bias; // and what is added to each
    private final boolean[] seen; // by token
    private final int[] seenIds;
    private int seenCount;
    private final float[] scores; // by token: penalty and bias applied
    private final Ranking ranking;
    private final double[] masses = new double[BUCKETS];
    private final int[] ids; // the candidates
    private int candidates;
    private final double[] probabilities; // by token; 0 where it is no candidate

    /**
     * @param vocabulary tokens that logits have
     * @throws ModelException when the logit bias names a token beyond them
     */
    public Sampler(Sampling sampling, int vocabulary) {
        this(sampling, vocabulary, new RandomStream(sampling.seed()));
    }

    private Sampler(Sampling sampling, int vocabulary, RandomStream random) {
        this.sampling = sampling;
        this.vocabulary = vocabulary;
        this.random = random;
        penalty = (float) sampling.repetitionPenalty();
        biased = new int[sampling.logitBias().size()];
        bias = new float[biased.length];
        int count = 0;
        for (Map.Entry<Integer, Double> entry : sampling.logitBias().entrySet()) {
            biased[count] = check("logit-bias", entry.getKey());
            bias[count++] = entry.getValue().floatValue();
        }
        seen = new boolean[vocabulary];
        seenIds = new int[vocabulary];
        scores = new float[vocabulary];
        ranking = new Ranking(vocabulary);
        ids = new int[vocabulary];
        probabilities = new double[vocabulary];
    }

    /**
     * A sampler with the same settings and seen tokens and with random numbers of its own, for instance for drafts. From now on
     * each is told on its own what it {@link #saw}.
     */
    public Sampler fork() {
        Sampler fork = new Sampler(sampling, vocabulary, random.fork());
        for (int i = 0; i < seenCount; i++) fork.saw(seenIds[i]);
        return fork;
    }

    /**
     * Tells that {@code id} is part of the text: the repetition penalty looks at it.
     *
     * @throws ModelException when the vocabulary has no such token
     */
    public void saw(int id) {
        if (seen[check("the text", id)]) return;
        seen[id] = true;
        seenIds[seenCount++] = id;
    }

    /** The next token after {@code row}: {@link #distribution}, then {@link #draw}. */
    public int next(Tensor row) {
        distribution(row);
        return draw();
    }

    /**
     * Computes the distribution of the next token.
     *
     * @param row logits f32 [1, vocabulary]; they are copied
     * @throws TensorException when shape or type differ
     * @throws ModelException when a logit is not finite
     */
    public void distribution(Tensor row) {
        for (int i = 0; i < candidates; i++) probabilities[ids[i]] = 0;
        candidates = 0; // should the logits be refused, there is nothing to draw
        load(row);
        int best = best();
        double sum;
        if (sampling.temperature() == 0) {
            sum = keepOnly(best);
        } else if (sampling.topK() > 0 && sampling.topK() < vocabulary) {
            sum = keepMost(sampling.topK(), scores[best]);
        } else {
            double all = likelihoods(scores[best]);
            sum = sampling.topP() < 1 ? keepNucleus(all, scores[best]) : keepLikely();
        }
        for (int i = 0; i < candidates; i++) probabilities[ids[i]] /= sum;
    }

    /** A token of the distribution computed last. */
    public int draw() {
        if (candidates == 0) throw new IllegalStateException("there is no distribution to draw from yet");
        double at = random.next();
        for (int i = 0; i < candidates - 1; i++) {
            at -= probabilities[ids[i]];
            if (at < 0) return ids[i];
        }
        return ids[candidates - 1];
    }

    /** The probability of {@code id} in the distribution computed last; 0 where a filter took it out. */
    public double probability(int id) {
        return probabilities[id];
    }

    /** How many tokens the distribution computed last leaves. */
    public int candidates() {
        return candidates;
    }

    /** One of these tokens: the most likely first if top-k is on, else in no order to rely on. */
    public int candidate(int index) {
        return ids[index];
    }

    /** A random number of this sampler's, from 0 (included) to 1 (excluded). */
    double random() {
        return random.next();
    }

    private int check(String where, int id) {
        if (id >= 0 && id < vocabulary) return id;
        throw new ModelException(where + " has token " + id + "; the vocabulary has " + vocabulary + " tokens");
    }

    private void load(Tensor row) {
        checkRow(row, vocabulary);
        MemorySegment.copy(row.data(), JAVA_FLOAT_UNALIGNED, 0, scores, 0, vocabulary);
        if (penalty != 1) {
            for (int i = 0; i < seenCount; i++) {
                float score = scores[seenIds[i]];
                scores[seenIds[i]] = score > 0 ? score / penalty : score * penalty;
            }
        }
        for (int i = 0; i < biased.length; i++) scores[biased[i]] += bias[i];
    }

    /** Checks that {@code row} is f32 [1, vocabulary]. */
    static void checkRow(Tensor row, int vocabulary) {
        if (row.dtype() != DType.F32 || row.rows() != 1 || row.cols() != vocabulary) {
            throw new TensorException("logits are " + row + "; f32[1, " + vocabulary + "] was expected");
        }
    }

    private int best() {
        int best = 0;
        for (int i = 0; i < vocabulary; i++) {
            if (!(Math.abs(scores[i]) <= Float.MAX_VALUE)) {
                throw new ModelException("the logit of token " + i + " is " + scores[i]
                        + " after penalty and bias; tokens are drawn from finite ones");
            }
            if (scores[i] > scores[best]) best = i;
        }
        return best;
    }

    private double keepOnly(int id) {
        ids[candidates++] = id;
        probabilities[id] = 1;
        return 1;
    }

    /** The likelihood relative to the most likely token's, whose score is {@code highest}. */
    private double likelihood(int id, float highest) {
        return Math.exp(((double) scores[id] - highest) / sampling.temperature());
    }

    /** Leaves what top-p and min-p keep of the {@code count} most likely tokens; gives the sum of their likelihoods. */
    private double keepMost(int count, float highest) {
        ranking.clear(count);
        for (int i = 0; i < vocabulary; i++) ranking.offer(scores[i], i);
        ranking.sort();
        double all = 0;
        for (int r = 0; r < count; r++) all += probabilities[ranking.id(r)] = likelihood(ranking.id(r), highest);
        return keepRanked(0, all);
    }

    /** Computes everyone's likelihood; gives their sum. */
    private double likelihoods(float highest) {
        double all = 0;
        for (int i = 0; i < vocabulary; i++) all += probabilities[i] = likelihood(i, highest);
        return all;
    }

    /**
     * Leaves what top-p and min-p keep; gives the sum of their likelihoods. Only the bucket of likelihoods in which top-p is
     * reached has to be ranked: buckets before it stay whole.
     */
    private double keepNucleus(double all, float highest) {
        Arrays.fill(masses, 0);
        for (int i = 0; i < vocabulary; i++) masses[bucket(i, highest)] += probabilities[i];
        int last = 0;
        double before = 0;
        while (last < BUCKETS - 1 && before + masses[last] < sampling.topP() * all) before += masses[last++];
        ranking.clear(vocabulary);
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            int bucket = bucket(i, highest);
            if (bucket == last) {
                ranking.offer(scores[i], i);
            } else if (bucket < last && probabilities[i] >= sampling.minP()) {
                ids[candidates++] = i;
                sum += probabilities[i];
            } else {
                probabilities[i] = 0;
            }
        }
        ranking.sort();
        return sum + keepRanked(before, all);
    }

    /** Falls with the likelihood; one bucket spans an eighth of its logarithm. */
    private int bucket(int id, float highest) {
        return (int) Math.min(BUCKETS - 1, 8 * (((double) highest - scores[id]) / sampling.temperature()));
    }

    /**
     * Leaves the ranked tokens that top-p and min-p keep; gives the sum of their likelihoods.
     *
     * @param before what the likelihoods of more likely tokens add up to
     * @param all what those of all tokens do
     */
    private double keepRanked(double before, double all) {
        double sum = 0;
        for (int r = 0; r < ranking.size(); r++) {
            int id = ranking.id(r);
            double likelihood = probabilities[id];
            boolean reached = sampling.topP() < 1 && before + sum >= sampling.topP() * all;
            if (candidates > 0 && (reached || likelihood < sampling.minP() || likelihood == 0)) {
                probabilities[id] = 0;
            } else {
                ids[candidates++] = id;
                sum += likelihood;
            }
        }
        return sum;
    }

    /** Leaves those that min-p keeps, by id; gives the sum of their likelihoods. */
    private double keepLikely() {
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            double likelihood = probabilities[i];
            if (likelihood > 0 && likelihood >= sampling.minP()) {
                ids[candidates++] = i;
                sum += likelihood;
            } else {
                probabilities[i] = 0;
            }
        }
        return sum;
    }
}
