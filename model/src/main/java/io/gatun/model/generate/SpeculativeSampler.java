package io.gatun.model.generate;

/**
 * Speculative sampling (Leviathan et al. 2023; SPEC 8.5): what a draft model proposed from its distribution q becomes a token
 * drawn from the main model's distribution p, exactly. A draft x is accepted with probability min(1, p(x)/q(x)); in place of a
 * rejected one comes a token drawn from max(0, p - q), normalised. At temperature 0 a draft is accepted if and only if it is
 * the main model's choice. Allocates nothing; used by one thread at a time.
 */
public final class SpeculativeSampler {
    private long drafted;
    private long accepted;

    /**
     * The token to take: {@code draft} itself if it is accepted, else another.
     *
     * @param draft drawn from {@code q}
     * @param p the main model's sampler, its distribution computed for the draft's position; its random numbers are used
     * @param q the drafting sampler, its distribution being the one that {@code draft} came from; a {@link Sampler#fork} of
     *     {@code p}, since its random numbers must be others
     */
    public int accept(int draft, Sampler p, Sampler q) {
        drafted++;
        double pDraft = p.probability(draft);
        double qDraft = q.probability(draft);
        if (pDraft >= qDraft || p.random() * qDraft < pDraft) {
            accepted++;
            return draft;
        }
        return replacement(p, q);
    }

    /** Drafts judged so far. */
    public long drafted() {
        return drafted;
    }

    /** Drafts accepted so far. */
    public long accepted() {
        return accepted;
    }

    private static int replacement(Sampler p, Sampler q) {
        double sum = 0;
        for (int i = 0; i < p.candidates(); i++) sum += excess(p.candidate(i), p, q);
        double at = p.random() * sum;
        int last = -1;
        for (int i = 0; i < p.candidates(); i++) {
            double excess = excess(p.candidate(i), p, q);
            if (excess == 0) continue;
            last = p.candidate(i);
            at -= excess;
            if (at < 0) return last;
        }
        return last >= 0 ? last : p.draw(); // p and q differ by rounding only
    }

    private static double excess(int id, Sampler p, Sampler q) {
        return Math.max(0, p.probability(id) - q.probability(id));
    }
}
