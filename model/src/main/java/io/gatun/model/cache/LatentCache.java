package io.gatun.model.cache;

import io.gatun.model.ops.LatentPages;
import io.gatun.tensor.Tensor;
import java.util.Arrays;

/**
 * What one sequence keeps of its tokens: per layer, the normalised latent c_KV and the rotated key k_R (SPEC 2.2), in pages that
 * forks share until one of them writes. Used by one thread at a time.
 */
public final class LatentCache implements AutoCloseable {
    private final PagePool pool;
    private final Layer[] layers;
    private PagePool.Page[] pages = new PagePool.Page[4];
    private int pageCount;
    private int length;

    LatentCache(PagePool pool) {
        this.pool = pool;
        layers = new Layer[pool.layers()];
        for (int i = 0; i < layers.length; i++) layers[i] = new Layer(i);
    }

    private final class Layer implements LatentPages {
        private final int index;

        private Layer(int index) {
            this.index = index;
        }

        @Override
        public int pageSize() {
            return PagePool.PAGE;
        }

        @Override
        public int pages() {
            return pageCount;
        }

        @Override
        public Tensor page(int page) {
            return pages[page].layer(index);
        }
    }

    /** Tokens in the sequence. */
    public int length() {
        return length;
    }

    /** The pages of a layer; those of MTP module k follow the main model's. */
    public LatentPages layer(int index) {
        return layers[index];
    }

    /** Makes room for {@code tokens} more; they and the last token, which an MTP module may still write, lie in pages of this sequence alone. */
    public void reserve(int tokens) {
        int first = Math.max(0, length - 1) / PagePool.PAGE;
        int needed = Math.ceilDiv(length + tokens, PagePool.PAGE);
        if (needed > pages.length) pages = Arrays.copyOf(pages, Math.max(needed, 2 * pages.length));
        for (int i = first; i < needed; i++) {
            if (i < pageCount) {
                pages[i] = pool.own(pages[i]);
            } else {
                pages[i] = pool.take();
                pageCount++;
            }
        }
    }

    /** Counts {@code tokens} that were written behind {@link #length}. */
    public void advance(int tokens) {
        length += tokens;
    }

    /** Forgets all but the first {@code tokens}. */
    public void truncate(int tokens) {
        length = Math.min(length, tokens);
        int kept = Math.ceilDiv(length, PagePool.PAGE);
        while (pageCount > kept) pool.giveBack(pages[--pageCount]);
    }

    /** A sequence with the same tokens; the pages are shared, nothing is copied until one of the two writes. */
    public LatentCache fork() {
        LatentCache fork = new LatentCache(pool);
        fork.pages = Arrays.copyOf(pages, pages.length);
        fork.pageCount = Math.ceilDiv(length, PagePool.PAGE);
        fork.length = length;
        for (int i = 0; i < fork.pageCount; i++) pool.share(fork.pages[i]);
        return fork;
    }

    /** Gives the pages back. */
    @Override
    public void close() {
        truncate(0);
    }
}
