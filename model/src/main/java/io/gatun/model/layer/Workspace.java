package io.gatun.model.layer;

import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of a plan: named tensors, made once, in the order in which forward fills them and backward their gradients. The
 * names tell where a number that is not finite first appeared, and what the memory is for.
 */
public final class Workspace {
    /** A tensor and its place in the model, for example {@code layers.3.attention.q}. */
    public record Named(String name, Tensor tensor) {}

    private final Ops ops;
    private final Arena arena;
    private final Purpose purpose;
    private final String path;
    private final List<Named> tensors;

    /** What a plan is for: gradients need memory of their own. */
    public enum Purpose {
        INFERENCE,
        TRAINING
    }

    /** An empty workspace whose tensors live as long as {@code arena}. */
    public Workspace(Ops ops, Arena arena, Purpose purpose) {
        this(ops, arena, purpose, "", new ArrayList<>());
    }

    private Workspace(Ops ops, Arena arena, Purpose purpose, String path, List<Named> tensors) {
        this.ops = ops;
        this.arena = arena;
        this.purpose = purpose;
        this.path = path;
        this.tensors = tensors;
    }

    /** The part of this workspace that belongs to {@code part}: its names are prefixed. */
    public Workspace in(String part) {
        return new Workspace(ops, arena, purpose, path + part + ".", tensors);
    }

    /** A zeroed tensor of the implementation's real numbers. */
    public Tensor reals(String name, long... shape) {
        return named(name, ops.reals(arena, shape));
    }

    /** A zeroed tensor of 32-bit integers. */
    public Tensor ints(String name, long... shape) {
        return named(name, ops.ints(arena, shape));
    }

    /** A tensor that only training needs; null in a plan for inference. */
    public Tensor gradient(String name, long... shape) {
        return purpose == Purpose.TRAINING ? reals("d_" + name, shape) : null;
    }

    public boolean isTraining() {
        return purpose == Purpose.TRAINING;
    }

    /** All tensors so far, in the order of their making. */
    public List<Named> tensors() {
        return List.copyOf(tensors);
    }

    /** The bytes of all tensors so far. */
    public long bytes() {
        return tensors.stream()
                .mapToLong(t -> t.tensor().count() * t.tensor().dtype().bytes())
                .sum();
    }

    private Tensor named(String name, Tensor tensor) {
        tensors.add(new Named(path + name, tensor));
        return tensor;
    }
}
