package io.gatun.model.layer;

import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * The memory of a plan: named tensors, made once. In training every tensor has memory of its own, in the order in which forward
 * fills them and backward their gradients: the names tell where a number that is not finite first appeared. In inference nothing
 * is kept, so that layers use the same {@link Region} one after another.
 */
public final class Workspace {
    /** A tensor and its place in the model, for example {@code layers.3.attention.q}. */
    public record Named(String name, Tensor tensor) {}

    private final Memory memory;
    private final String path;
    private final List<Named> tensors;

    private interface Memory {
        Tensor reals(long... shape);

        Tensor ints(long... shape);
    }

    private Workspace(Memory memory, String path, List<Named> tensors) {
        this.memory = memory;
        this.path = path;
        this.tensors = tensors;
    }

    /** An empty workspace for training whose tensors live as long as {@code arena}. */
    public static Workspace training(Ops ops, Arena arena) {
        return new Workspace(
                new Memory() {
                    @Override
                    public Tensor reals(long... shape) {
                        return ops.reals(arena, shape);
                    }

                    @Override
                    public Tensor ints(long... shape) {
                        return ops.ints(arena, shape);
                    }
                },
                "",
                new ArrayList<>());
    }

    /** An empty workspace for inference, from the start of {@code region} on: plans over the same region are used in turn. */
    public static Workspace inference(Region region) {
        region.restart();
        return new Workspace(new Reused(region), "", null);
    }

    private record Reused(Region region) implements Memory {
        @Override
        public Tensor reals(long... shape) {
            return region.reals(shape);
        }

        @Override
        public Tensor ints(long... shape) {
            return region.ints(shape);
        }
    }

    /** The part of this workspace that belongs to {@code part}: its names are prefixed. */
    public Workspace in(String part) {
        return isTraining() ? new Workspace(memory, path + part + ".", tensors) : this;
    }

    /** Plans a layer; in inference the next layer's tensors begin where this one's did. */
    <T> T layer(String part, Function<Workspace, T> plan) {
        if (!(memory instanceof Reused(Region region))) return plan.apply(in(part));
        Region.Mark mark = region.mark();
        T slot = plan.apply(this);
        region.rewind(mark);
        return slot;
    }

    /** A tensor of the implementation's real numbers; zeros in training. */
    public Tensor reals(String name, long... shape) {
        return named(name, memory.reals(shape));
    }

    /** A tensor of 32-bit integers. */
    public Tensor ints(String name, long... shape) {
        return named(name, memory.ints(shape));
    }

    /** A tensor that only training needs; null in a plan for inference. */
    public Tensor gradient(String name, long... shape) {
        return isTraining() ? reals("d_" + name, shape) : null;
    }

    public boolean isTraining() {
        return tensors != null;
    }

    /** All tensors of a plan for training so far, in the order of their making. */
    public List<Named> tensors() {
        return List.copyOf(tensors);
    }

    private Tensor named(String name, Tensor tensor) {
        if (isTraining()) tensors.add(new Named(path + name, tensor));
        return tensor;
    }
}
