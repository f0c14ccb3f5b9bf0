package io.gatun.model.ops;

import static io.gatun.tensor.DType.F32;
import static io.gatun.tensor.DType.I32;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.model.engine.CudaKernel;
import io.gatun.model.engine.CudaKernels;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** {@link Experts} on a GPU, forward. */
final class CudaExperts implements Experts {
    private static final int PLACE_ROWS = 64; // of a block of the sort, and most that one block sorts alone

    private final DeviceArena memory;
    private final int sharedMemory;
    private final CudaKernel route;
    private final CudaKernel placeFew;
    private final CudaKernel countChoices;
    private final CudaKernel placeExperts;
    private final CudaKernel placeChoices;
    private final CudaKernel permute;
    private final CudaKernel unpermute;
    private Tensor counts; // i32 [blocks, experts], grows

    CudaExperts(CudaKernels kernels, DeviceArena memory) {
        this.memory = memory;
        sharedMemory = kernels.largestSharedMemory();
        route = kernels.kernel("gate", "route");
        placeFew = kernels.kernel("permute", "place_few");
        countChoices = kernels.kernel("permute", "count_choices");
        placeExperts = kernels.kernel("permute", "place_experts");
        placeChoices = kernels.kernel("permute", "place_choices");
        permute = kernels.kernel("permute", "permute");
        unpermute = kernels.kernel("permute", "unpermute");
    }

    @Override
    public void check(RouterConfig router) {
        long bytes = Math.max(routeBytes(router), placeBytes(router.topK(), PLACE_ROWS));
        if (bytes > sharedMemory) {
            throw new TensorException(
                    "top %d of %d experts in %d groups need %d bytes of shared memory; the GPU has %d a block"
                            .formatted(router.topK(), router.experts(), router.groups(), bytes, sharedMemory));
        }
    }

    private static long routeBytes(RouterConfig router) {
        return 16L * (router.experts() + router.groups());
    }

    private static long placeBytes(int topK, int rows) {
        return (long) Integer.BYTES * topK * rows;
    }

    @Override
    public void route(Routing routing, Tensor logits, Tensor bias, RouterConfig config) {
        int rows = logits.rows(), experts = config.experts();
        Demand.matrix("route", "logits", logits, F32, rows, experts);
        Demand.matrix("route", "scores", routing.scores(), F32, rows, experts);
        Demand.matrix("route", "ids", routing.ids(), I32, rows, config.topK());
        Demand.matrix("route", "weights", routing.weights(), F32, rows, config.topK());
        Demand.matrix("route", "positions", routing.positions(), I32, rows, config.topK());
        Demand.vector("route", "tokens", routing.tokens(), I32, (long) rows * config.topK());
        Demand.vector("route", "offsets", routing.offsets(), I32, experts + 1L);
        RoutingShapes.biasIsThere(bias, config);
        if (bias != null) Demand.vector("route", "bias", bias, F32, experts);
        route.with()
                .matrix(routing.scores())
                .matrix(routing.ids())
                .matrix(routing.weights())
                .matrix(logits);
        route.address(bias == null ? 0 : bias.deviceAddress());
        route.number(rows).number(experts).number(config.topK());
        route.number(config.groups()).number(config.keptGroups()).number(config.biased() ? 1 : 0);
        route.number(config.scoring() == Scoring.SOFTMAX ? 1 : 0).number(config.normalise() ? 1 : 0);
        route.number(config.scale()).run(Math.ceilDiv(rows, 4), 1, 1, 128, routeBytes(config));
        place(routing, rows, experts, config.topK());
    }

    /** The order of the experts: by one block where that is enough, else by a counting sort in blocks. */
    private void place(Routing routing, int rows, int experts, int topK) {
        if (rows <= PLACE_ROWS) {
            placeFew.with().matrix(routing.positions()).vector(routing.tokens()).vector(routing.offsets());
            placeFew.matrix(routing.ids()).number(rows).number(topK).number(experts);
            placeFew.run(1, 1, 1, CudaKernel.THREADS, placeBytes(topK, rows));
            return;
        }
        int blocks = Math.ceilDiv(rows, PLACE_ROWS);
        counts = memory.atLeast(counts, I32, (long) blocks * experts);
        countChoices
                .with()
                .vector(counts)
                .matrix(routing.ids())
                .number(rows)
                .number(topK)
                .number(experts);
        countChoices.run(blocks, 1, 1, CudaKernel.THREADS, (long) Integer.BYTES * experts);
        placeExperts
                .with()
                .vector(routing.offsets())
                .vector(counts)
                .number(blocks)
                .number(experts)
                .run(1);
        placeChoices.with().matrix(routing.positions()).vector(routing.tokens()).vector(routing.offsets());
        placeChoices
                .vector(counts)
                .matrix(routing.ids())
                .number(rows)
                .number(topK)
                .number(experts);
        placeChoices.run(blocks, 1, 1, CudaKernel.THREADS, placeBytes(topK, PLACE_ROWS));
    }

    @Override
    public void permute(Tensor permuted, Tensor x, Routing routing) {
        moved("permute", permuted, "x", x, routing);
        permute.with().matrix(permuted).matrix(x).vector(routing.tokens()).number(x.cols());
        permute.run(permuted.rows());
    }

    @Override
    public void unpermute(Tensor y, Tensor permuted, Routing routing, Accumulate mode) {
        moved("unpermute", permuted, "y", y, routing);
        Demand.matrix(
                "unpermute",
                "weights",
                routing.weights(),
                F32,
                y.rows(),
                routing.positions().cols());
        unpermute.with().matrix(y).matrix(permuted).matrix(routing.weights()).matrix(routing.positions());
        unpermute.number(routing.positions().cols()).number(y.cols()).number(mode == Accumulate.ADD ? 1 : 0);
        unpermute.run(y.rows());
    }

    private static void moved(String verb, Tensor permuted, String name, Tensor x, Routing routing) {
        int rows = x.rows(), topK = routing.positions().cols();
        Demand.matrix(verb, name, x, F32, rows, x.cols());
        Demand.matrix(verb, "permuted", permuted, F32, rows * topK, x.cols());
        Demand.matrix(verb, "positions", routing.positions(), I32, rows, topK);
        Demand.vector(verb, "tokens", routing.tokens(), I32, (long) rows * topK);
    }

    @Override
    public void routeGrad(Tensor dLogits, Tensor dWeights, Tensor dScores, Routing routing, RouterConfig router) {
        throw CudaOps.forwardOnly("routeGrad");
    }

    @Override
    public void sequenceBalance(
            Tensor loss, Tensor dScores, Tensor scores, RouterConfig router, int sequence, float factor) {
        throw CudaOps.forwardOnly("sequenceBalance");
    }

    @Override
    public void permuteGrad(Tensor dx, Tensor dPermuted, Routing routing, Accumulate mode) {
        throw CudaOps.forwardOnly("permuteGrad");
    }

    @Override
    public void unpermuteGrad(Tensor dPermuted, Tensor dWeights, Tensor dy, Tensor permuted, Routing routing) {
        throw CudaOps.forwardOnly("unpermuteGrad");
    }
}
