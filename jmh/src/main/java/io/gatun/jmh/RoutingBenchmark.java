package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.gatun.model.config.Scoring;
import io.gatun.model.ops.RouterConfig;
import io.gatun.model.ops.Routing;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** DeepSeek-V3's router: the best 8 of 256 experts in 4 of 8 groups, and the permuted order. */
public class RoutingBenchmark extends CpuBenchmark {
    private static final int EXPERTS = 256;
    private static final int TOP = 8;
    private static final int GROUPS = 8;
    private static final int GROUP = EXPERTS / GROUPS;
    private static final int KEPT = 4;
    private static final float SCALE = 2.5f;
    private static final RouterConfig ROUTER =
            new RouterConfig(EXPERTS, TOP, GROUPS, KEPT, Scoring.SIGMOID, true, true, SCALE);

    @Param({"1", "64"})
    public int rows;

    private Routing routing;
    private Tensor logits, bias, dLogits, dWeights;
    private MemorySegment biased; // [EXPERTS]
    private MemorySegment groups; // [GROUPS]

    @Override
    void setUp() {
        routing = new Routing(
                memory.zeros(rows, EXPERTS),
                memory.ints(rows, TOP),
                memory.zeros(rows, TOP),
                memory.ints(rows, TOP),
                memory.ints((long) rows * TOP),
                memory.ints(EXPERTS + 1));
        logits = memory.normal(rows, EXPERTS);
        bias = memory.zeros(EXPERTS);
        dLogits = memory.zeros(rows, EXPERTS);
        dWeights = memory.normal(rows, TOP);
        biased = memory.zeros(EXPERTS).data();
        groups = memory.zeros(GROUPS).data();
        ops.experts().route(routing, logits, bias, ROUTER);
    }

    @Benchmark
    public Routing route() {
        ops.experts().route(routing, logits, bias, ROUTER);
        return routing;
    }

    @Benchmark
    public Tensor routeGrad() {
        ops.experts().routeGrad(dLogits, dWeights, null, routing, ROUTER);
        return dLogits;
    }

    @Benchmark
    public Routing routeTwin() {
        for (int r = 0; r < rows; r++) {
            score(r);
            keepGroups();
            choose(r);
        }
        order();
        return routing;
    }

    private void score(int r) {
        for (int e = 0; e < EXPERTS; e++) {
            float score = 1 / (1 + (float) Math.exp(-Scalar.get(logits.data(), (long) r * EXPERTS + e)));
            Scalar.set(routing.scores().data(), (long) r * EXPERTS + e, score);
            Scalar.set(biased, e, score + Scalar.get(bias.data(), e));
        }
    }

    /** Puts the experts of all but the best groups out of question. */
    private void keepGroups() {
        for (int g = 0; g < GROUPS; g++) {
            float first = Float.NEGATIVE_INFINITY;
            float second = Float.NEGATIVE_INFINITY;
            for (int e = g * GROUP; e < (g + 1) * GROUP; e++) {
                float x = Scalar.get(biased, e);
                second = Math.max(second, Math.min(first, x));
                first = Math.max(first, x);
            }
            Scalar.set(groups, g, first + second);
        }
        for (int k = 0; k < KEPT; k++) Scalar.set(groups, largest(groups, GROUPS), Float.NEGATIVE_INFINITY);
        for (int g = 0; g < GROUPS; g++) {
            if (Scalar.get(groups, g) == Float.NEGATIVE_INFINITY) continue;
            for (int e = g * GROUP; e < (g + 1) * GROUP; e++) Scalar.set(biased, e, Float.NEGATIVE_INFINITY);
        }
    }

    private void choose(int r) {
        float sum = 1e-20f;
        for (int k = 0; k < TOP; k++) {
            int expert = largest(biased, EXPERTS);
            Scalar.set(biased, expert, Float.NEGATIVE_INFINITY);
            routing.ids().data().setAtIndex(JAVA_INT, (long) r * TOP + k, expert);
            float score = Scalar.get(routing.scores().data(), (long) r * EXPERTS + expert);
            Scalar.set(routing.weights().data(), (long) r * TOP + k, score);
            sum += score;
        }
        for (int k = 0; k < TOP; k++) {
            long at = (long) r * TOP + k;
            Scalar.set(
                    routing.weights().data(), at, Scalar.get(routing.weights().data(), at) / sum * SCALE);
        }
    }

    /** Counts each expert's tokens, then gives every choice its place. */
    private void order() {
        MemorySegment ids = routing.ids().data();
        MemorySegment offsets = routing.offsets().data();
        offsets.fill((byte) 0);
        int choices = rows * TOP;
        for (int i = 0; i < choices; i++) add(offsets, ids.getAtIndex(JAVA_INT, i) + 1, 1);
        for (int e = 0; e < EXPERTS; e++) add(offsets, e + 1, offsets.getAtIndex(JAVA_INT, e));
        for (int i = 0; i < choices; i++) {
            int position = add(offsets, ids.getAtIndex(JAVA_INT, i), 1);
            routing.positions().data().setAtIndex(JAVA_INT, i, position);
            routing.tokens().data().setAtIndex(JAVA_INT, position, i / TOP);
        }
        for (int e = EXPERTS; e > 0; e--) offsets.setAtIndex(JAVA_INT, e, offsets.getAtIndex(JAVA_INT, e - 1));
        offsets.setAtIndex(JAVA_INT, 0, 0);
    }

    private static int add(MemorySegment counts, int at, int addend) {
        int old = counts.getAtIndex(JAVA_INT, at);
        counts.setAtIndex(JAVA_INT, at, old + addend);
        return old;
    }

    private static int largest(MemorySegment x, int count) {
        int best = 0;
        for (int i = 1; i < count; i++) if (Scalar.get(x, i) > Scalar.get(x, best)) best = i;
        return best;
    }
}
