package io.gatun.model.ops;

/**
 * How verbs cut their work into tasks: by the shape only, never by the number of threads, so that results do not depend on it.
 * A task is worth several microseconds, so that handing it over costs little; what is smaller is one task.
 */
final class Cut {
    /** Elements of one task: three f32 streams of them fit the L2 cache. */
    static final int ELEMENTS = 16_384;

    private Cut() {}

    /** Rows of one task over rows of {@code dim} elements. */
    static int rows(int dim) {
        return Math.max(1, ELEMENTS / Math.max(1, dim));
    }
}
