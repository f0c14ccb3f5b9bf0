package io.gatun.model.config;

import java.util.Arrays;

/**
 * A parameter as the released checkpoints know it.
 *
 * @param name the tensor's name in a checkpoint
 * @param shape {@code [out, in]} for a projection, {@code [width]} for gains and biases
 * @param role what it is for
 */
public record ParameterSpec(String name, long[] shape, Role role) {
    public ParameterSpec {
        shape = shape.clone();
    }

    static ParameterSpec of(String name, Role role, long... shape) {
        return new ParameterSpec(name, shape, role);
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** The number of elements. */
    public long count() {
        long count = 1;
        for (long size : shape) count = Math.multiplyExact(count, size);
        return count;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ParameterSpec(String otherName, long[] otherShape, Role otherRole)
                && name.equals(otherName)
                && Arrays.equals(shape, otherShape)
                && role == otherRole;
    }

    @Override
    public int hashCode() {
        return name.hashCode() * 31 + Arrays.hashCode(shape);
    }

    /** For example {@code model.norm.weight [7168]}. */
    @Override
    public String toString() {
        return name + " " + Arrays.toString(shape);
    }
}
