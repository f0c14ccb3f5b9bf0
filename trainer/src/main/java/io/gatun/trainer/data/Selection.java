package io.gatun.trainer.data;

import java.io.InputStream;

/** Deals the passages of one reading out: counts what a twentieth is taken of and hands on the share asked for. */
final class Selection {
    static final int HELD_OUT_EVERY = 20;

    /** The block size that leaves documents undivided: one is handed on in passages of this many bytes. */
    static final int WHOLE = 1 << 20;

    /** What of the text is asked for. */
    enum Share {
        ALL,
        TRAINING,
        HELD_OUT
    }

    private final Share share;
    private final int block;
    private final TextSource.Reader reader;
    private long unit;
    private long document;

    /** Takes a twentieth of documents where {@code block} is {@link #WHOLE}, else of blocks of at least as many bytes. */
    Selection(Share share, int block, TextSource.Reader reader) {
        this.share = share;
        this.block = block;
        this.reader = reader;
    }

    /** Reads one document and closes it; returns whether to go on. */
    boolean document(String name, InputStream in) {
        document++;
        if (block == WHOLE) unit++;
        try (Utf8Blocks blocks = new Utf8Blocks(name, in, block, 4 * block)) {
            for (String text = blocks.next(); text != null; text = blocks.next()) {
                if (block != WHOLE) unit++;
                if (!isMine(unit % HELD_OUT_EVERY == 0)) document++;
                else if (!reader.passage(document, text)) return false;
            }
        }
        return true;
    }

    private boolean isMine(boolean heldOut) {
        return share == Share.ALL || heldOut == (share == Share.HELD_OUT);
    }
}
