package io.gatun.model.layer;

import io.gatun.model.config.Role;
import java.util.SplittableRandom;

/** Fresh parameters: matrices normal with one standard deviation (SPEC 4.1: 0.006), gains 1, selection biases 0. */
public final class Initialisation {
    private Initialisation() {}

    /** Fills {@code store}; each parameter's numbers depend on the seed and its name only. Refreshes the engine's forms. */
    public static void normal(ParameterStore store, double deviation, long seed) {
        for (ParameterStore.Entry entry : store.entries()) {
            Role role = entry.spec().role();
            SplittableRandom random = new SplittableRandom(
                    seed * 0x9E3779B97F4A7C15L + hash(entry.spec().name()));
            for (long i = 0; i < entry.value().count(); i++) {
                double value =
                        role == Role.NORM ? 1 : role == Role.SELECTION_BIAS ? 0 : deviation * random.nextGaussian();
                entry.value().set(i, value);
            }
        }
        store.refresh();
    }

    private static long hash(String name) { // FNV-1a: String.hashCode has only 32 bits
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        return hash;
    }
}
