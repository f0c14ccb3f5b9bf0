package io.gatun.trainer.data;

import io.gatun.tensor.Tensor;

/**
 * The sequences that a run trains on, numbered from 0: each is a function of the seed and its number alone, so that a resumed
 * run, or a worker of many, needs to know nothing else.
 *
 * <p>An epoch cuts the ring of tokens into windows of {@code sequence} tokens, beginning at a random place, and goes through
 * them in a random order: every token is an input once an epoch, but for fewer than {@code sequence} that are left over, and
 * the next epoch cuts elsewhere. Threads may share it.
 */
public final class BatchSampler {
    private final TokenShard tokens;
    private final int sequence;
    private final long seed;
    private final long windows;

    /**
     * Sequences of {@code sequence} tokens.
     *
     * @throws DataException when the text has fewer
     */
    public BatchSampler(TokenShard tokens, int sequence, long seed) {
        tokens.checkSequence(sequence, "train on a longer text or shorter sequences");
        this.tokens = tokens;
        this.sequence = sequence;
        this.seed = seed;
        this.windows = tokens.tokens() / sequence;
    }

    /** How many sequences an epoch has. */
    public long sequencesPerEpoch() {
        return windows;
    }

    /** How many tokens an epoch has. */
    public long tokensPerEpoch() {
        return windows * sequence;
    }

    /**
     * Writes the sequences {@code first}, {@code first + 1}, … to the rows of {@code into} i32 [sequences, columns], where
     * {@code columns} is {@code sequence + 1}: the inputs and, one further, their targets. More columns give as many more
     * tokens, which multi-token prediction looks at. Allocates nothing.
     *
     * @throws DataException when the tensor is another one, or {@code first} is negative
     */
    public void fill(long first, Tensor into) {
        TokenShard.checkBatch(into, sequence);
        if (first < 0) throw new DataException("sequence " + first + ": they are numbered from 0");
        for (int row = 0, rows = into.rows(); row < rows; row++) tokens.read(start(first + row), into, row);
    }

    private long start(long number) {
        long key = Permutation.mix(seed, number / windows);
        long window = Permutation.at(number % windows, windows, key);
        long offset = Long.remainderUnsigned(key, tokens.tokens());
        return (offset + window * sequence) % tokens.tokens();
    }
}
