package io.gatun.jmh.compare;

/** What is said of a benchmark. */
enum Verdict {
    SAME("-", false),
    FASTER("faster", false),
    SLOWER("SLOWER", true),
    ALLOCATES("ALLOCATES", true);

    private final String word;
    private final boolean bad;

    Verdict(String word, boolean bad) {
        this.word = word;
        this.bad = bad;
    }

    /** Whether the gate fails. */
    boolean isBad() {
        return bad;
    }

    /** Calls a change when the whole interval lies further than {@code threshold} from 1: 0.05 is five per cent. */
    static Verdict of(Ratio change, double threshold) {
        if (change.low() > 1 + threshold) return SLOWER;
        if (change.high() < 1 / (1 + threshold)) return FASTER;
        return SAME;
    }

    /**
     * The same, or {@link #ALLOCATES} when {@code allocated} bytes an operation are more than a tenth above {@code before} and a
     * tenth of a byte. What was not measured, NaN, is not judged.
     */
    static Verdict of(Ratio change, double threshold, double before, double allocated) {
        return allocated > 1.1 * before + 0.1 ? ALLOCATES : of(change, threshold);
    }

    @Override
    public String toString() {
        return word;
    }
}
