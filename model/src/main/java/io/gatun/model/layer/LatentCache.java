package io.gatun.model.layer;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** What one sequence keeps of its tokens: per layer, the normalised latent c_KV and the rotated key k_R (SPEC 2.2). */
public final class LatentCache {
    /** One layer's part: {@code latent} [positions, kvLoraRank], {@code rope} [positions, ropeDim]. */
    record Layer(Tensor latent, Tensor rope) {
        void write(Tensor cKv, Tensor kRope, int start) {
            copyRows(latent, cKv, start);
            copyRows(rope, kRope, start);
        }

        private static void copyRows(Tensor to, Tensor from, int start) {
            int bytes = to.dtype().bytes();
            long row = (long) to.cols() * bytes;
            for (int r = 0; r < from.rows(); r++) {
                MemorySegment.copy(from.data(), r * from.rowStride() * bytes, to.data(), (start + r) * row, row);
            }
        }
    }

    private final List<Layer> layers = new ArrayList<>();
    private final int positions;

    /** An empty cache for {@code positions} tokens, in memory that lives as long as {@code arena}. */
    public LatentCache(Ops ops, Arena arena, ModelConfig config, int positions) {
        this.positions = positions;
        for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
            layers.add(new Layer(
                    ops.reals(arena, positions, config.kvLoraRank()),
                    ops.reals(arena, positions, config.qkRopeHeadDim())));
        }
    }

    /** How many tokens fit. */
    public int positions() {
        return positions;
    }

    Layer layer(int index) {
        return layers.get(index);
    }
}
