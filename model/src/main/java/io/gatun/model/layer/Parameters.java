package io.gatun.model.layer;

import io.gatun.kernels.Weight;
import io.gatun.model.config.ParameterSpec;

/** Where layers find their parameters, by the names of the released checkpoints. */
public interface Parameters {
    /** A linear weight, prepared for products. */
    Weight linear(String name);

    /** A parameter that is no product's operand. */
    Parameter plain(String name);

    /** The bytes that a parameter has where it is stored, scales included. */
    long storedBytes(ParameterSpec spec);

    /** This source with all names prefixed. */
    default Parameters in(String prefix) {
        Parameters all = this;
        return new Parameters() {
            @Override
            public Weight linear(String name) {
                return all.linear(prefix + name);
            }

            @Override
            public Parameter plain(String name) {
                return all.plain(prefix + name);
            }

            @Override
            public long storedBytes(ParameterSpec spec) {
                return all.storedBytes(spec);
            }
        };
    }
}
