package io.gatun.trainer.data;

import io.gatun.tensor.Tensor;

/**
 * The held-out text in windows of {@code sequence} tokens, so that each token but the first, a separator, is predicted once,
 * from at least one and at most {@code sequence} tokens before it.
 */
public final class HeldOut {
    private final TokenShard tokens;
    private final int sequence;
    private final long windows;
    private final long all;

    /**
     * All windows of the text.
     *
     * @throws DataException when the text is shorter than one
     */
    public HeldOut(TokenShard tokens, int sequence) {
        tokens.checkSequence(sequence, "measure on a longer text or train on shorter sequences");
        this.tokens = tokens;
        this.sequence = sequence;
        this.all = Math.ceilDiv(tokens.tokens() - 1, sequence);
        this.windows = all;
    }

    private HeldOut(HeldOut whole, long windows) {
        this.tokens = whole.tokens;
        this.sequence = whole.sequence;
        this.all = whole.all;
        this.windows = windows;
    }

    /** At most {@code windows} windows, evenly spread over the text: a quicker, rougher measure. */
    public HeldOut sample(long windows) {
        if (windows < 1) throw new DataException("a sample of " + windows + " windows; it needs 1 or more");
        return new HeldOut(this, Math.min(windows, all));
    }

    public long windows() {
        return windows;
    }

    /** How many tokens are predicted in all windows together. */
    public long predictions() {
        return windows == all ? tokens.tokens() - 1 : windows * sequence; // a sample never has the last window
    }

    /** How many bytes of text the predicted tokens stand for; in proportion for a sample. */
    public double bytes() {
        return (double) tokens.textBytes() * predictions() / (tokens.tokens() - 1);
    }

    /**
     * The measure that does not depend on the tokenizer: bits for each byte of text.
     *
     * @param nats the sum of -ln P over all {@link #predictions}, separators included
     */
    public double bitsPerByte(double nats) {
        return nats / Math.log(2) / bytes();
    }

    /**
     * Writes the windows {@code first}, {@code first + 1}, … to the rows of {@code into} i32 [windows, {@code sequence} + 1 or
     * more], as {@link BatchSampler#fill} does. Allocates nothing.
     *
     * @return how many predictions count, in the order of the rows: all {@code rows * sequence} of a full batch, and fewer of
     *     the last, where the text ends inside a row. What follows is text again (the ring goes on), to be ignored.
     * @throws DataException when the tensor is another one, or there is no window {@code first}
     */
    public int fill(long first, Tensor into) {
        TokenShard.checkBatch(into, sequence);
        if (first < 0 || first >= windows) {
            throw new DataException(
                    "window %d of %s: there are %d, numbered from 0".formatted(first, tokens.name(), windows));
        }
        int rows = into.rows();
        for (int row = 0; row < rows; row++) tokens.read(start((first + row) % windows), into, row);
        return (int) Math.min((long) rows * sequence, predictions() - first * sequence);
    }

    private long start(long window) {
        return window * all / windows * sequence;
    }
}
