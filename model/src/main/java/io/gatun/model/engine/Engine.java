package io.gatun.model.engine;

import io.gatun.kernels.DotLoops;
import io.gatun.model.ModelException;
import java.util.Locale;

/** Whose innermost loops multiply weights on the CPU. */
public enum Engine {
    /** The fastest that runs here. */
    AUTO,
    /** The Vector API's, which run everywhere. */
    VECTOR,
    /** Machine code, assembled when the program runs ({@link AssembledMatmul}). */
    ASSEMBLED;

    /**
     * The choice of that name: {@code auto}, {@code vector} or {@code assembled}.
     *
     * @throws IllegalArgumentException for any other; the message lists them
     */
    public static Engine named(String name) {
        for (Engine engine : values()) if (engine.toString().equals(name)) return engine;
        throw new IllegalArgumentException("there is no engine " + name + "; there are auto, vector and assembled");
    }

    /**
     * The loops.
     *
     * @throws ModelException for {@link #ASSEMBLED} where the CPU or the system does not allow it
     */
    public DotLoops loops() {
        if (this == ASSEMBLED && !AssembledMatmul.whyNot().isEmpty()) {
            throw new ModelException("the assembled engine does not run here: " + AssembledMatmul.whyNot());
        }
        return this == VECTOR ? DotLoops.vector() : AssembledMatmul.loops().orElseGet(DotLoops::vector);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
