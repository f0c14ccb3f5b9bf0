package io.gatun.model.engine;

import io.gatun.kernels.DotLoops;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.parallel.Team;
import java.util.Optional;

/**
 * The products on the CPU whose innermost loops are machine code, assembled when the program runs: no compiler and no native library is
 * involved. What the loops cannot help is computed by the {@link VectorMatmul} around them, with the same bits.
 */
public final class AssembledMatmul {
    private AssembledMatmul() {}

    /** An engine on {@code team}; empty where the CPU or the system does not allow it, see {@link #whyNot}. */
    public static Optional<MatmulEngine> on(Team team) {
        return loops().map(loops -> new VectorMatmul(team, loops));
    }

    /** The loops alone; empty where {@link #on} is. */
    public static Optional<DotLoops> loops() {
        return whyNot().isEmpty() ? Optional.of(new AssembledDotLoops()) : Optional.empty();
    }

    /** Why {@link #on} is empty; an empty text where it is not. */
    public static String whyNot() {
        return AssembledDotLoops.whyNot();
    }
}
