package io.gatun.model.layer;

import io.gatun.kernels.Weight;
import io.gatun.model.ModelException;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.ops.Ops;
import io.gatun.model.precision.PrecisionRecipe;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * All parameters of a model in one flat piece of memory, and their gradients in another: matrices first, then gains, so that
 * clipping and the optimizer run over a few long ranges. Selection biases have no gradient and lie apart.
 */
public final class ParameterStore implements Parameters {
    /** A parameter: what it is, its values, its gradient (null when it has none). */
    public record Entry(ParameterSpec spec, Tensor value, Tensor grad) {}

    private static final int ALIGNMENT = 16; // elements: 64 bytes of FP32

    private final Ops ops;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, Weight> weights = new LinkedHashMap<>();
    private final Weight[] allWeights;
    private final Tensor values;
    private final Tensor grads;
    private final long matrixElements;

    /**
     * Zeroed parameters of {@code config}.
     *
     * @param arena owns the memory
     * @param recipe which format each product rounds its operands to
     * @param trained whether there are gradients
     */
    public ParameterStore(Ops ops, Arena arena, ModelConfig config, PrecisionRecipe recipe, boolean trained) {
        this.ops = ops;
        List<ParameterSpec> specs = ModelParameters.of(config);
        matrixElements = elements(specs, true);
        long all = matrixElements + elements(specs, false);
        values = ops.reals(arena, all);
        grads = trained ? ops.reals(arena, all) : null;
        Map<String, long[]> places = place(specs);
        for (ParameterSpec spec : specs) {
            if (spec.role() == Role.SELECTION_BIAS) {
                entries.put(spec.name(), new Entry(spec, ops.reals(arena, spec.shape()), null));
                continue;
            }
            long[] at = places.get(spec.name());
            Tensor value = values.slice(at[0], at[1]).reshape(spec.shape());
            Tensor grad = trained ? grads.slice(at[0], at[1]).reshape(spec.shape()) : null;
            entries.put(spec.name(), new Entry(spec, value, grad));
            if (isMatrix(spec) && spec.role() != Role.EMBEDDING) {
                weights.put(spec.name(), ops.products().prepare(arena, value, grad, recipe.format(spec.role())));
            }
        }
        allWeights = weights.values().toArray(Weight[]::new);
    }

    private static Map<String, long[]> place(List<ParameterSpec> specs) {
        Map<String, long[]> places = new LinkedHashMap<>();
        long next = 0;
        for (boolean matrices : new boolean[] {true, false}) {
            for (ParameterSpec spec : specs) {
                if (isMatrix(spec) != matrices || spec.role() == Role.SELECTION_BIAS) continue;
                places.put(spec.name(), new long[] {next, next + spec.count()});
                next += padded(spec.count());
            }
        }
        return places;
    }

    private static long elements(List<ParameterSpec> specs, boolean matrices) {
        return specs.stream()
                .filter(spec -> isMatrix(spec) == matrices && spec.role() != Role.SELECTION_BIAS)
                .mapToLong(spec -> padded(spec.count()))
                .sum();
    }

    private static boolean isMatrix(ParameterSpec spec) {
        return spec.shape().length > 1;
    }

    private static long padded(long count) {
        return (count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    @Override
    public Weight linear(String name) {
        Weight weight = weights.get(name);
        if (weight == null) throw new ModelException("the model has no linear weight " + name);
        return weight;
    }

    @Override
    public Parameter plain(String name) {
        Entry entry = entries.get(name);
        if (entry == null) throw new ModelException("the model has no parameter " + name);
        return new Parameter(entry.value(), entry.grad());
    }

    @Override
    public long storedBytes(ParameterSpec spec) {
        return spec.count() * ops.real().bytes();
    }

    /** Brings the engine's forms up to date after values changed. */
    public void refresh() {
        ops.products().refresh(allWeights);
    }

    /** All parameters in the order of the forward pass, selection biases among them. */
    public List<Entry> entries() {
        return new ArrayList<>(entries.values());
    }

    /** The parameter called {@code name}; null when there is none. */
    public Entry entry(String name) {
        return entries.get(name);
    }

    /** All values but the selection biases, flat; zeros between parameters keep them aligned. */
    public Tensor values() {
        return values;
    }

    /** All gradients, laid out as {@link #values}; null in inference. */
    public Tensor grads() {
        return grads;
    }

    /** How many leading elements of {@link #values} are matrices; the others are gains. */
    public long matrixElements() {
        return matrixElements;
    }
}
