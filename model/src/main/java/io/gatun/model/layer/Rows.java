package io.gatun.model.layer;

import io.gatun.model.cache.LatentCache;
import io.gatun.model.ops.LatentPages;
import io.gatun.tensor.Tensor;

/**
 * Whose tokens the rows of an inference pass are: all of one sequence in prefill (expanded attention), of any sequences in decoding
 * (absorbed attention).
 */
final class Rows {
    final Tensor ids; //       i32 [rows]
    final Tensor positions; // i32 [rows]
    final LatentPages[] pages; // of the layer at work
    private final LatentCache[] caches;
    private Expanded.Views expanded; // null in decoding

    Rows(Workspace w, int rows) {
        ids = w.ints("ids", rows);
        positions = w.ints("positions", rows);
        pages = new LatentPages[rows];
        caches = new LatentCache[rows];
    }

    /** Says what a row is: a token and where its sequence has it. */
    void set(int row, int id, LatentCache cache, int position) {
        caches[row] = cache;
        ids.set(0, row, id);
        positions.set(0, row, position);
    }

    /** Tells the form of attention: expanded into these matrices, or absorbed where null. */
    void expand(Expanded.Views into) {
        expanded = into;
    }

    Expanded.Views expanded() {
        return expanded;
    }

    void layer(int index) {
        for (int r = 0; r < pages.length; r++) pages[r] = caches[r].layer(index);
    }

    int furthest() {
        int furthest = 0;
        for (int r = 0; r < pages.length; r++) furthest = Math.max(furthest, (int) positions.get(0, r));
        return furthest;
    }

    /** Position of the first row. */
    int start() {
        return (int) positions.get(0, 0);
    }
}
