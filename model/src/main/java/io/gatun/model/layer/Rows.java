package io.gatun.model.layer;

import io.gatun.model.cache.LatentCache;
import io.gatun.model.ops.LatentPages;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;

/**
 * Whose tokens the rows of an inference pass are: all of one sequence in prefill (expanded attention), of any sequences in decoding
 * (absorbed attention).
 */
final class Rows {
    final Tensor ids; //       i32 [rows]
    final Tensor positions; // i32 [rows]
    private final Ops ops;
    private final Tensor hostIds; // what the next pass uploads
    private final Tensor hostPositions;
    final LatentPages[] pages; // of the layer at work
    private final LatentCache[] caches;
    private Expanded.Views expanded; // null in decoding

    Rows(Ops ops, Workspace w, int rows) {
        this.ops = ops;
        ids = w.ints("ids", rows);
        positions = w.ints("positions", rows);
        hostIds = ops.onHost(ids);
        hostPositions = ops.onHost(positions);
        pages = new LatentPages[rows];
        caches = new LatentCache[rows];
    }

    /** Says what a row is: a token and where its sequence has it. */
    void set(int row, int id, LatentCache cache, int position) {
        caches[row] = cache;
        hostIds.set(0, row, id);
        hostPositions.set(0, row, position);
    }

    /** Brings what was set to where the layers read it. */
    void upload() {
        ops.upload(ids, hostIds);
        ops.upload(positions, hostPositions);
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
        for (int r = 0; r < pages.length; r++) furthest = Math.max(furthest, position(r));
        return furthest;
    }

    /** Position of the first row. */
    int start() {
        return position(0);
    }

    int position(int row) {
        return (int) hostPositions.get(0, row);
    }
}
