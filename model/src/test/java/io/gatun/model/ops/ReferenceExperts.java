package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.tensor.Tensor;

/** The twin of every {@link Experts} verb: scalar, in double, written as SPEC 2.5 and 3.2 read; tensors of any floating type. */
public class ReferenceExperts implements Experts {
    private static final double EPSILON = 1e-20;

    @Override
    public void route(Routing routing, Tensor logits, Tensor bias, RouterConfig router) {
        int rows = logits.rows();
        for (int t = 0; t < rows; t++) {
            double[] scores = scores(row(logits, t), router.scoring());
            setRow(routing.scores(), t, scores);
            double[] biased = row(routing.scores(), t);
            for (int e = 0; e < router.experts() && bias != null; e++) biased[e] += bias.get(e);
            int[] chosen = choose(t, biased, router);
            double sum = EPSILON;
            for (int e : chosen) sum += scores[e];
            for (int k = 0; k < router.topK(); k++) {
                routing.ids().set(t, k, chosen[k]);
                double weight = router.normalise() ? scores[chosen[k]] / sum : scores[chosen[k]];
                routing.weights().set(t, k, weight * router.scale());
            }
        }
        int position = 0;
        for (int e = 0; e < router.experts(); e++) {
            routing.offsets().set(e, position);
            for (int t = 0; t < rows; t++) {
                for (int k = 0; k < router.topK(); k++) {
                    if (routing.ids().get(t, k) != e) continue;
                    routing.positions().set(t, k, position);
                    routing.tokens().set(position++, t);
                }
            }
        }
        routing.offsets().set(router.experts(), position);
    }

    /** The experts of row {@code t}, by falling biased score. */
    protected int[] choose(int t, double[] biased, RouterConfig router) {
        return best(biased, keptExperts(biased, router), router.topK());
    }

    /** Which experts lie in the groups that a token may use. */
    private static boolean[] keptExperts(double[] biased, RouterConfig router) {
        int size = router.experts() / router.groups();
        double[] groupScores = new double[router.groups()];
        for (int g = 0; g < router.groups(); g++) {
            double first = Double.NEGATIVE_INFINITY;
            double second = Double.NEGATIVE_INFINITY;
            for (int e = g * size; e < (g + 1) * size; e++) {
                second = Math.max(second, Math.min(first, biased[e]));
                first = Math.max(first, biased[e]);
            }
            groupScores[g] = router.biased() && size > 1 ? first + second : first;
        }
        boolean[] all = new boolean[router.groups()];
        java.util.Arrays.fill(all, true);
        boolean[] kept = new boolean[router.experts()];
        for (int g : best(groupScores, all, router.keptGroups())) {
            java.util.Arrays.fill(kept, g * size, (g + 1) * size, true);
        }
        return kept;
    }

    /** The indices of the {@code k} largest values among those in question, falling; the lower index of equals; NaN is largest. */
    private static int[] best(double[] values, boolean[] inQuestion, int k) {
        boolean[] open = inQuestion.clone();
        int[] best = new int[k];
        for (int i = 0; i < k; i++) {
            int at = -1;
            for (int j = 0; j < values.length; j++) {
                if (open[j] && (at < 0 || Double.compare(values[j], values[at]) > 0)) at = j;
            }
            best[i] = at;
            open[at] = false;
        }
        return best;
    }

    private static double[] scores(double[] logits, Scoring scoring) {
        double[] scores = new double[logits.length];
        switch (scoring) {
            case SIGMOID -> {
                for (int e = 0; e < logits.length; e++) scores[e] = 1 / (1 + Math.exp(-logits[e]));
            }
            case SOFTMAX -> {
                double largest = Double.NEGATIVE_INFINITY;
                for (double x : logits) largest = Math.max(largest, x);
                double sum = 0;
                for (double x : logits) sum += Math.exp(x - largest);
                for (int e = 0; e < logits.length; e++) scores[e] = Math.exp(logits[e] - largest) / sum;
            }
        }
        return scores;
    }

    @Override
    public void routeGrad(Tensor dLogits, Tensor dWeights, Tensor dScores, Routing routing, RouterConfig router) {
        for (int t = 0; t < dLogits.rows(); t++) {
            double[] s = row(routing.scores(), t);
            double[] ds = dScores == null ? new double[router.experts()] : row(dScores, t);
            double sum = EPSILON;
            for (int k = 0; k < router.topK(); k++) sum += s[(int) routing.ids().get(t, k)];
            for (int k = 0; k < router.topK(); k++) {
                int e = (int) routing.ids().get(t, k);
                double dw = router.scale() * dWeights.get(t, k);
                if (!router.normalise()) {
                    ds[e] += dw;
                    continue;
                }
                ds[e] += dw / sum;
                for (int j = 0; j < router.topK(); j++) { // every weight falls as this score makes the sum grow
                    int other = (int) routing.ids().get(t, j);
                    ds[e] -= router.scale() * dWeights.get(t, j) * s[other] / (sum * sum);
                }
            }
            double mean = 0;
            for (int e = 0; e < router.experts(); e++) mean += ds[e] * s[e];
            for (int e = 0; e < router.experts(); e++) {
                dLogits.set(
                        t,
                        e,
                        switch (router.scoring()) {
                            case SIGMOID -> ds[e] * s[e] * (1 - s[e]);
                            case SOFTMAX -> s[e] * (ds[e] - mean);
                        });
            }
        }
    }

    @Override
    public void sequenceBalance(
            Tensor loss, Tensor dScores, Tensor scores, RouterConfig router, int sequence, float factor) {
        int experts = router.experts();
        boolean[] all = new boolean[experts];
        java.util.Arrays.fill(all, true);
        for (int first = 0; first < scores.rows(); first += sequence) {
            double[] f = new double[experts];
            double[] p = new double[experts];
            for (int t = first; t < first + sequence; t++) {
                double[] s = row(scores, t);
                for (int e : best(s, all, router.topK())) f[e] += experts / ((double) router.topK() * sequence);
                double sum = sum(s);
                for (int e = 0; e < experts; e++) p[e] += s[e] / sum / sequence;
            }
            double total = 0;
            for (int e = 0; e < experts; e++) total += f[e] * p[e];
            loss.set(first / sequence, total);
            for (int t = first; t < first + sequence; t++) {
                double[] s = row(scores, t);
                double sum = sum(s);
                double mean = 0;
                for (int e = 0; e < experts; e++) mean += f[e] * s[e] / sum;
                for (int e = 0; e < experts; e++) dScores.set(t, e, factor / sequence * (f[e] - mean) / sum);
            }
        }
    }

    private static double sum(double[] values) {
        double sum = EPSILON;
        for (double v : values) sum += v;
        return sum;
    }

    @Override
    public void permute(Tensor permuted, Tensor x, Routing routing) {
        for (int p = 0; p < permuted.rows(); p++)
            setRow(permuted, p, row(x, (int) routing.tokens().get(p)));
    }

    @Override
    public void permuteGrad(Tensor dx, Tensor dPermuted, Routing routing, Accumulate mode) {
        gather(dx, dPermuted, null, routing, mode);
    }

    @Override
    public void unpermute(Tensor y, Tensor permuted, Routing routing, Accumulate mode) {
        gather(y, permuted, routing.weights(), routing, mode);
    }

    private static void gather(Tensor y, Tensor permuted, Tensor weights, Routing routing, Accumulate mode) {
        int topK = routing.positions().cols();
        for (int t = 0; t < y.rows(); t++) {
            for (int c = 0; c < y.cols(); c++) {
                double sum = mode == Accumulate.ADD ? y.get(t, c) : 0;
                for (int k = 0; k < topK; k++) {
                    double weight = weights == null ? 1 : weights.get(t, k);
                    sum += weight * permuted.get((int) routing.positions().get(t, k), c);
                }
                y.set(t, c, sum);
            }
        }
    }

    @Override
    public void unpermuteGrad(Tensor dPermuted, Tensor dWeights, Tensor dy, Tensor permuted, Routing routing) {
        int topK = routing.positions().cols();
        for (int t = 0; t < dy.rows(); t++) {
            for (int k = 0; k < topK; k++) {
                int p = (int) routing.positions().get(t, k);
                double dot = 0;
                for (int c = 0; c < dy.cols(); c++) {
                    dot += dy.get(t, c) * permuted.get(p, c);
                    dPermuted.set(p, c, routing.weights().get(t, k) * dy.get(t, c));
                }
                dWeights.set(t, k, dot);
            }
        }
    }

    private static double[] row(Tensor x, int row) {
        double[] values = new double[x.cols()];
        for (int c = 0; c < values.length; c++) values[c] = x.get(row, c);
        return values;
    }

    private static void setRow(Tensor x, int row, double[] values) {
        for (int c = 0; c < values.length; c++) x.set(row, c, values[c]);
    }
}
