package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.gatun.kernels.GateScores;
import io.gatun.kernels.GroupedTopK;
import io.gatun.kernels.Permutation;
import io.gatun.kernels.SequenceBalance;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Scores, selection and the order of experts in blocks of tokens; shapes are checked before. */
final class CpuRouter {
    private static final int BLOCK = 64; // tokens of one task: some ten microseconds
    private static final long LINE = 64; // bytes; threads that write must not share one

    private final Team team;
    private final Route route = new Route();
    private final Place place = new Place();
    private final RouteGrad routeGrad = new RouteGrad();
    private final SequenceCounts sequenceCounts = new SequenceCounts();
    private final SequenceGrad sequenceGrad = new SequenceGrad();

    private final MemorySegment[] keys; // for each worker, what the selection works in
    private MemorySegment counts = MemorySegment.NULL; // i32 [blocks, experts]
    private MemorySegment noBias = MemorySegment.NULL; // f32 [experts], zeros
    private MemorySegment choices = MemorySegment.NULL; // i32 [rows, topK]: the best raw scores
    private MemorySegment loads = MemorySegment.NULL; // f32 [sequences, experts]
    private double[] shares = {}; // [blocks] of the loss

    CpuRouter(Team team) {
        this.team = team;
        keys = new MemorySegment[team.threads()];
        java.util.Arrays.fill(keys, MemorySegment.NULL);
    }

    void route(Routing routing, Tensor logits, Tensor bias, RouterConfig config) {
        int rows = logits.rows();
        int blocks = blocks(rows);
        reserve(config, config.groups(), blocks);
        route.routing = routing;
        route.logits = logits;
        route.bias = bias == null ? noBias : bias.data();
        route.config = config;
        team.run(blocks, route);
        Permutation.starts(routing.offsets().data(), counts, blocks, config.experts());
        place.routing = routing;
        place.config = config;
        team.run(blocks, place);
    }

    private final class Route implements Team.Job {
        Routing routing;
        Tensor logits;
        MemorySegment bias;
        RouterConfig config;

        @Override
        public void run(int task, int worker) {
            Tensor scores = routing.scores();
            Tensor ids = routing.ids();
            Tensor weights = routing.weights();
            int from = task * BLOCK;
            int to = Math.min(from + BLOCK, logits.rows());
            int experts = config.experts();
            int topK = config.topK();
            switch (config.scoring()) {
                case SIGMOID ->
                    GateScores.sigmoid(
                            scores.data(), scores.rowStride(), logits.data(), logits.rowStride(), from, to, experts);
                case SOFTMAX ->
                    GateScores.softmax(
                            scores.data(), scores.rowStride(), logits.data(), logits.rowStride(), from, to, experts);
            }
            GroupedTopK.select(
                    ids.data(),
                    ids.rowStride(),
                    keys[worker],
                    scores.data(),
                    scores.rowStride(),
                    bias,
                    from,
                    to,
                    experts,
                    topK,
                    config.groups(),
                    config.keptGroups(),
                    config.biased());
            GroupedTopK.weights(
                    weights.data(),
                    weights.rowStride(),
                    scores.data(),
                    scores.rowStride(),
                    ids.data(),
                    ids.rowStride(),
                    from,
                    to,
                    topK,
                    config.normalise(),
                    config.scale());
            Permutation.count(counts, (long) task * experts, ids.data(), ids.rowStride(), from, to, topK, experts);
        }
    }

    private final class Place implements Team.Job {
        Routing routing;
        RouterConfig config;

        @Override
        public void run(int task, int worker) {
            Tensor ids = routing.ids();
            Tensor positions = routing.positions();
            int from = task * BLOCK;
            Permutation.place(
                    positions.data(),
                    positions.rowStride(),
                    routing.tokens().data(),
                    counts,
                    (long) task * config.experts(),
                    routing.offsets().data(),
                    ids.data(),
                    ids.rowStride(),
                    from,
                    Math.min(from + BLOCK, ids.rows()),
                    config.topK());
        }
    }

    void routeGrad(Tensor dLogits, Tensor dWeights, Tensor dScores, Routing routing, RouterConfig config) {
        routeGrad.dLogits = dLogits;
        routeGrad.dWeights = dWeights;
        routeGrad.dScores = dScores;
        routeGrad.routing = routing;
        routeGrad.config = config;
        team.run(blocks(dLogits.rows()), routeGrad);
    }

    private static final class RouteGrad implements Team.Job {
        Tensor dLogits;
        Tensor dWeights;
        Tensor dScores;
        Routing routing;
        RouterConfig config;

        @Override
        public void run(int task, int worker) {
            Tensor scores = routing.scores();
            Tensor ids = routing.ids();
            int from = task * BLOCK;
            int to = Math.min(from + BLOCK, dLogits.rows());
            int experts = config.experts();
            MemorySegment d = dLogits.data();
            GroupedTopK.weightsGrad(
                    d,
                    dLogits.rowStride(),
                    dScores == null ? null : dScores.data(),
                    dScores == null ? 0 : dScores.rowStride(),
                    dWeights.data(),
                    dWeights.rowStride(),
                    scores.data(),
                    scores.rowStride(),
                    ids.data(),
                    ids.rowStride(),
                    from,
                    to,
                    experts,
                    config.topK(),
                    config.normalise(),
                    config.scale());
            switch (config.scoring()) {
                case SIGMOID ->
                    GateScores.sigmoidGrad(
                            d, dLogits.rowStride(), scores.data(), scores.rowStride(), from, to, experts);
                case SOFTMAX ->
                    GateScores.softmaxGrad(
                            d, dLogits.rowStride(), scores.data(), scores.rowStride(), from, to, experts);
            }
        }
    }

    void sequenceBalance(Tensor loss, Tensor dScores, Tensor scores, RouterConfig config, int sequence, float factor) {
        int sequences = scores.rows() / sequence;
        int blocks = blocks(sequence); // of each sequence
        int experts = config.experts();
        reserve(config, 1, sequences * blocks);
        choices = grown(choices, 4L * scores.rows() * config.topK());
        loads = grown(loads, 4L * sequences * experts);
        if (shares.length < sequences * blocks) shares = new double[sequences * blocks];
        sequenceCounts.scores = scores;
        sequenceCounts.config = config;
        sequenceCounts.sequence = sequence;
        team.run(sequences * blocks, sequenceCounts);
        for (int s = 0; s < sequences; s++) {
            long first = (long) s * blocks * experts;
            SequenceBalance.load(loads, (long) s * experts, counts, first, blocks, experts, config.topK(), sequence);
        }
        sequenceGrad.dScores = dScores;
        sequenceGrad.scores = scores;
        sequenceGrad.sequence = sequence;
        sequenceGrad.factor = factor / sequence;
        team.run(sequences * blocks, sequenceGrad);
        for (int s = 0; s < sequences; s++) {
            double sum = 0;
            for (int b = 0; b < blocks; b++) sum += shares[s * blocks + b];
            loss.data().set(JAVA_FLOAT_UNALIGNED, s * 4L, (float) (sum / sequence));
        }
    }

    private final class SequenceCounts implements Team.Job {
        Tensor scores;
        RouterConfig config;
        int sequence;

        @Override
        public void run(int task, int worker) {
            int experts = config.experts();
            int topK = config.topK();
            int from = firstRow(task, sequence);
            int to = lastRow(task, sequence);
            GroupedTopK.select(
                    choices,
                    topK,
                    keys[worker],
                    scores.data(),
                    scores.rowStride(),
                    noBias,
                    from,
                    to,
                    experts,
                    topK,
                    1,
                    1,
                    false);
            Permutation.count(counts, (long) task * experts, choices, topK, from, to, topK, experts);
        }
    }

    private final class SequenceGrad implements Team.Job {
        Tensor dScores;
        Tensor scores;
        int sequence;
        float factor;

        @Override
        public void run(int task, int worker) {
            int experts = scores.cols();
            shares[task] = SequenceBalance.grad(
                    dScores.data(),
                    dScores.rowStride(),
                    scores.data(),
                    scores.rowStride(),
                    loads,
                    (long) (task / blocks(sequence)) * experts,
                    firstRow(task, sequence),
                    lastRow(task, sequence),
                    experts,
                    factor);
        }
    }

    /** The first row of a task whose blocks do not reach from one sequence into the next. */
    private static int firstRow(int task, int sequence) {
        int blocks = blocks(sequence);
        return task / blocks * sequence + task % blocks * BLOCK;
    }

    private static int lastRow(int task, int sequence) {
        int end = (task / blocks(sequence) + 1) * sequence;
        return Math.min(firstRow(task, sequence) + BLOCK, end);
    }

    private static int blocks(int rows) {
        return (rows + BLOCK - 1) / BLOCK;
    }

    private void reserve(RouterConfig config, int groups, int blocks) {
        long bytes = GroupedTopK.scratchBytes(config.experts(), groups);
        for (int i = 0; i < keys.length; i++) keys[i] = grown(keys[i], bytes);
        counts = grown(counts, 4L * blocks * config.experts());
        noBias = grown(noBias, 4L * config.experts());
    }

    /** {@code memory}, or zeros in its place when it is smaller than {@code bytes}. */
    private static MemorySegment grown(MemorySegment memory, long bytes) {
        if (memory.byteSize() >= bytes) return memory;
        return Arena.ofAuto().allocate((bytes + LINE - 1) / LINE * LINE, LINE);
    }
}
