package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.gatun.model.config.Scoring;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.stream.Stream;

/** Routers of every kind, their tensors, and comparisons, for the tests of routing. */
final class RoutingFixture {
    private RoutingFixture() {}

    /** Sizes on either side of lanes and of groups that are no whole vectors; both scorings, with and without bias. */
    static Stream<RouterConfig> routers() {
        return Stream.of(
                router(1, 1, 1, 1, Scoring.SIGMOID, true, true, 1),
                router(3, 2, 1, 1, Scoring.SOFTMAX, false, false, 1),
                router(6, 2, 6, 3, Scoring.SIGMOID, true, true, 2.5f),
                router(7, 7, 1, 1, Scoring.SIGMOID, true, true, 2.5f),
                router(8, 3, 2, 1, Scoring.SOFTMAX, false, true, 1),
                router(16, 4, 1, 1, Scoring.SIGMOID, true, true, 2.5f),
                router(16, 4, 4, 2, Scoring.SIGMOID, true, true, 2.5f),
                router(17, 5, 1, 1, Scoring.SIGMOID, false, true, 1),
                router(33, 5, 3, 2, Scoring.SIGMOID, true, false, 1.5f),
                router(64, 6, 1, 1, Scoring.SOFTMAX, false, false, 1),
                router(90, 6, 9, 4, Scoring.SOFTMAX, true, true, 3),
                router(160, 6, 8, 3, Scoring.SOFTMAX, false, false, 16),
                router(256, 8, 8, 4, Scoring.SIGMOID, true, true, 2.5f));
    }

    static RouterConfig router(
            int experts,
            int topK,
            int groups,
            int kept,
            Scoring scoring,
            boolean biased,
            boolean normalise,
            float scale) {
        return new RouterConfig(experts, topK, groups, kept, scoring, biased, normalise, scale);
    }

    static Routing routing(Arena arena, DType real, int rows, RouterConfig router) {
        return new Routing(
                Tensor.zeros(arena, real, rows, router.experts()),
                Tensor.zeros(arena, DType.I32, rows, router.topK()),
                Tensor.zeros(arena, real, rows, router.topK()),
                Tensor.zeros(arena, DType.I32, rows, router.topK()),
                Tensor.zeros(arena, DType.I32, (long) rows * router.topK()),
                Tensor.zeros(arena, DType.I32, router.experts() + 1));
    }

    /** Normal numbers that F32 holds exactly, so that a copy in F64 is the same. */
    static Tensor normal(Arena arena, DType real, long seed, double deviation, long... shape) {
        Tensor x = Tensor.zeros(arena, real, shape);
        Random random = new Random(seed);
        for (long i = 0; i < x.count(); i++) x.set(i, (float) (deviation * random.nextGaussian()));
        return x;
    }

    /** The same numbers in F64. */
    static Tensor wide(Arena arena, Tensor x) {
        Tensor copy = Tensor.zeros(arena, DType.F64, x.shape());
        copy.copyFrom(x);
        return copy;
    }

    /** The same numbers in a tensor whose rows lie further apart; what lies between is {@code filler}. */
    static Tensor strided(Arena arena, Tensor x, double filler) {
        Tensor wide = Tensor.zeros(arena, x.dtype(), x.rows(), x.cols() + 5);
        for (long i = 0; i < wide.count(); i++) wide.set(i, filler);
        Tensor view = wide.columns(3, 3 + x.cols());
        view.copyFrom(x);
        return view;
    }

    static void assertSame(String name, Tensor actual, Tensor expected) {
        assertClose(name, actual, expected, 0);
    }

    /** Every element within {@code tolerance · (1 + |expected|)}; NaN equals NaN. */
    static void assertClose(String name, Tensor actual, Tensor expected, double tolerance) {
        assertThat(actual.shape()).as(name).isEqualTo(expected.shape());
        for (int r = 0; r < expected.rows(); r++) {
            for (int c = 0; c < expected.cols(); c++) {
                double a = actual.get(r, c);
                double e = expected.get(r, c);
                boolean same = Double.compare(a, e) == 0 || Math.abs(a - e) <= tolerance * (1 + Math.abs(e));
                if (!same) fail("%s[%d, %d] is %s; expected %s", name, r, c, a, e);
            }
        }
    }
}
