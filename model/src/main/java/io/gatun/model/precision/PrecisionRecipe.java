package io.gatun.model.precision;

import io.gatun.kernels.Format;
import io.gatun.model.config.Role;
import io.gatun.tensor.DType;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Which number format each part of training has (SPEC 5.1). Sums are FP32 in every recipe, and so are master weights,
 * gradients, embedding, norms, attention scores and the gate.
 *
 * @param name what the command line calls it
 * @param operands what a product rounds its operands to, by the weight's role; a role that is not in it keeps FP32
 * @param exportType the type of exported weights
 */
public record PrecisionRecipe(String name, Map<Role, Format> operands, DType exportType) {
    private static final List<Role> LINEAR =
            List.of(Role.ATTENTION, Role.DENSE_FFN, Role.EXPERT, Role.SHARED_EXPERT, Role.MTP_PROJECTION, Role.HEAD);

    public PrecisionRecipe {
        Map<Role, Format> formats = new EnumMap<>(Role.class);
        formats.putAll(operands);
        for (Role role : formats.keySet()) {
            if (!LINEAR.contains(role) && formats.get(role) != Format.F32) {
                throw new IllegalArgumentException(
                        "recipe " + name + " gives " + formats.get(role) + " to " + role + ", which is always FP32");
            }
        }
        operands = Map.copyOf(formats);
        if (exportType != DType.F32 && exportType != DType.BF16) {
            throw new IllegalArgumentException("recipe " + name + " exports " + exportType + "; it is F32 or BF16");
        }
    }

    /** Everything in FP32. */
    public static PrecisionRecipe f32() {
        return new PrecisionRecipe("f32", Map.of(), DType.F32);
    }

    /** Operands of all linear products but the gate's rounded to BF16. */
    public static PrecisionRecipe bf16() {
        Map<Role, Format> operands = new EnumMap<>(Role.class);
        for (Role role : LINEAR) operands.put(role, Format.BF16);
        return new PrecisionRecipe("bf16", operands, DType.BF16);
    }

    /**
     * The recipe of that name.
     *
     * @throws IllegalArgumentException for an unknown name; the message lists the known ones
     */
    public static PrecisionRecipe named(String name) {
        return switch (name) {
            case "f32" -> f32();
            case "bf16" -> bf16();
            case "fp8" ->
                throw new IllegalArgumentException("recipe fp8 cannot be trained with yet; there are f32 and bf16");
            default -> throw new IllegalArgumentException("there is no recipe " + name + "; there are f32 and bf16");
        };
    }

    /** What a product with a weight of that role rounds its operands to. */
    public Format format(Role role) {
        return operands.getOrDefault(role, Format.F32);
    }
}
