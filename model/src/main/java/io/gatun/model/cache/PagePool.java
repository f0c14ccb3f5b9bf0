package io.gatun.model.cache;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;

/**
 * The pages that the sequences of a model share: memory is allocated when no free page is left, and kept when a sequence gives
 * its pages back. Threads may use it at the same time.
 */
public final class PagePool {
    /** Positions of a page. */
    public static final int PAGE = 64;

    private final Ops ops;
    private final Arena arena;
    private final DType dtype;
    private final int layers;
    private final int width;
    private final ArrayDeque<Page> free = new ArrayDeque<>();

    /** One page: a piece of every layer, and how many sequences read it. */
    static final class Page {
        private final Tensor[] layers; // [PAGE, kvLoraRank + ropeDim]
        private int users;

        private Page(Tensor[] layers) {
            this.layers = layers;
        }

        Tensor layer(int index) {
            return layers[index];
        }
    }

    /**
     * An empty pool.
     *
     * @param ops whose memory the pages lie in
     * @param arena owns the pages
     * @param dtype F32, or BF16 which needs half of the memory
     */
    public PagePool(Ops ops, Arena arena, ModelConfig config, DType dtype) {
        this.ops = ops;
        this.arena = arena;
        this.dtype = dtype;
        layers = config.blocks();
        width = config.kvLoraRank() + config.qkRopeHeadDim();
    }

    /** An empty sequence. */
    public LatentCache newCache() {
        return new LatentCache(this);
    }

    int layers() {
        return layers;
    }

    synchronized Page take() {
        Page page = free.poll();
        if (page == null) page = allocate();
        page.users = 1;
        return page;
    }

    private Page allocate() {
        Tensor all = ops.zeros(arena, dtype, layers, PAGE, width);
        Tensor[] parts = new Tensor[layers];
        for (int i = 0; i < layers; i++) parts[i] = all.slice(i, i + 1).reshape(PAGE, width);
        return new Page(parts);
    }

    synchronized void share(Page page) {
        page.users++;
    }

    synchronized void giveBack(Page page) {
        if (--page.users == 0) free.push(page);
    }

    /** {@code page} when one sequence alone has it, else a copy of it that the caller has alone. */
    synchronized Page own(Page page) {
        if (page.users == 1) return page;
        Page copy = take();
        for (int i = 0; i < layers; i++) ops.copy(copy.layers[i], page.layers[i]);
        page.users--;
        return copy;
    }
}
