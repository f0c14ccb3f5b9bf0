package io.gatun.trainer.balance;

import io.gatun.model.layer.ModelSlot;
import io.gatun.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/** How many tokens each expert of each MoE layer got in one global batch: added up over its micro-batches (SPEC 3.1). */
public final class ExpertLoad {
    private final int[] layers;
    private final long[][] counts; // [MoE layer][expert]

    /** Zero counts for the MoE layers of {@code slot}. */
    public ExpertLoad(ModelSlot slot) {
        List<ModelSlot.Routed> routed = slot.routed();
        layers = routed.stream().mapToInt(ModelSlot.Routed::layer).toArray();
        counts = new long[layers.length][];
        for (int i = 0; i < layers.length; i++) {
            counts[i] = new long[(int) routed.get(i).routing().offsets().count() - 1];
        }
    }

    /** Forgets all counts. */
    public void clear() {
        for (long[] layer : counts) Arrays.fill(layer, 0);
    }

    /** Adds what the routers of {@code slot} decided in its last forward. */
    public void add(ModelSlot slot) {
        List<ModelSlot.Routed> routed = slot.routed();
        for (int i = 0; i < counts.length; i++) {
            Tensor offsets = routed.get(i).routing().offsets();
            for (int e = 0; e < counts[i].length; e++) {
                counts[i][e] += (int) offsets.get(0, e + 1) - (int) offsets.get(0, e);
            }
        }
    }

    /** The number of MoE layers. */
    public int size() {
        return counts.length;
    }

    /** Which layer of the model MoE layer {@code index} is; MTP modules follow the main model's layers. */
    public int layer(int index) {
        return layers[index];
    }

    /** Tokens by expert of MoE layer {@code index}; the live array, not a copy. */
    public long[] counts(int index) {
        return counts[index];
    }

    /** Tokens by expert of all MoE layers; the live arrays. */
    public long[][] counts() {
        return counts;
    }

    /** {@code (max load - mean load) / mean load} (SPEC 3.5); NaN when no token was routed. */
    public static double maxVio(long[] counts) {
        long max = 0;
        long sum = 0;
        for (long count : counts) {
            max = Math.max(max, count);
            sum += count;
        }
        double mean = (double) sum / counts.length;
        return (max - mean) / mean;
    }
}
