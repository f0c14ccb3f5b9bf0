package io.gatun.model.precision;

import io.gatun.kernels.Format;
import io.gatun.model.config.Role;
import io.gatun.tensor.DType;
import java.util.Locale;

/** What inference computes with; sums are FP32 in every choice, and so are gate, norms and softmax. */
public enum Compute {
    /** Operands as they are stored; activations FP32. */
    F32,
    /** Activations rounded to BF16 in front of each product; weights as they are stored. */
    BF16,
    /** FP8 weights times activations quantised to E4M3 in groups of 128 (SPEC 5.1); other weights as in BF16. */
    W8A8;

    /** What weights of that type are computed with unless something else is asked for: BF16, but F32 for F32. */
    public static Compute of(DType weights) {
        return weights == DType.F32 ? F32 : BF16;
    }

    /**
     * The choice of that name: {@code f32}, {@code bf16} or {@code w8a8}.
     *
     * @throws IllegalArgumentException for any other; the message lists them
     */
    public static Compute named(String name) {
        for (Compute compute : values()) if (compute.toString().equals(name)) return compute;
        throw new IllegalArgumentException("there is no compute " + name + "; there are f32, bf16 and w8a8");
    }

    /** How a product with a weight of that role and stored type treats its operands. */
    public Format format(Role role, DType stored) {
        if (this == F32 || role == Role.GATE) return Format.F32;
        return this == W8A8 && stored == DType.F8_E4M3 ? Format.FP8 : Format.BF16;
    }

    /** How latents are cached. */
    public DType cache() {
        return this == F32 ? DType.F32 : DType.BF16;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
