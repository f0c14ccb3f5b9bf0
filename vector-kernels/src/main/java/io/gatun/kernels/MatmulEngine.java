package io.gatun.kernels;

import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;

/**
 * Who multiplies: the three products of a linear layer, and the same three over groups of rows for experts.
 *
 * <p>Activations are matrices whose rows may be strided; outputs never overlap inputs. Every output element is summed in one
 * order that depends on the contracted dimension and the formats only, never on the number of rows or threads. Shapes are
 * checked before memory is touched ({@link io.gatun.tensor.TensorException}). Steady calls allocate nothing.
 */
public interface MatmulEngine {
    /**
     * Makes a weight of {@code value} [n, k] for products with operands in {@code format}. With a {@code grad} [n, k] the weight
     * can be trained: {@link #inputGrad} and {@link #weightGrad} need it. What is made lives as long as {@code arena}.
     */
    Weight prepare(Arena arena, Tensor value, Tensor grad, Format format);

    /**
     * A weight that is multiplied where {@code value} [n, k] lies, f32 or bf16, for example in a mapped checkpoint: nothing is copied
     * or packed. It has forward products only and is not trained; its memory has to outlive it. {@code format} F32 multiplies the
     * values as they are; BF16 rounds activations to BF16, while values stay what they are.
     *
     * @throws TensorException for another dtype, or for format FP8, which needs codes and scales
     */
    Weight map(Tensor value, Format format);

    /**
     * As {@link #map(Tensor, Format)}, of FP8 codes and scales. Formats F32 and BF16 take them for exact values, codes times scales;
     * FP8 also quantises activations to E4M3, by 1 x 128 numbers, and multiplies codes with codes. Codes that are NaN may come out
     * as numbers.
     *
     * @throws TensorException for a block shape that the engine does not know
     */
    Weight map(BlockScaled value, Format format);

    /** Brings prepared forms up to date after {@link Weight#value} changed, for example after an optimizer step. */
    void refresh(Weight[] weights);

    /** {@code y = x Wᵀ} (written or added): {@code y} [rows, n], {@code x} [rows, k]. */
    void forward(Tensor y, Tensor x, Weight w, Accumulate mode);

    /** {@code dx = dy W} (written or added): {@code dx} [rows, k], {@code dy} [rows, n]. */
    void inputGrad(Tensor dx, Tensor dy, Weight w, Accumulate mode);

    /** {@code dW += dyᵀ x}: {@code dy} [rows, n], {@code x} [rows, k]. */
    void weightGrad(Weight w, Tensor dy, Tensor x);

    /**
     * For each expert e, {@code y = x W_eᵀ} on the rows {@code offsets[e]} to {@code offsets[e + 1]} of {@code y} [rows, n] and
     * {@code x} [rows, k]; rows past the last offset are left alone.
     *
     * @param offsets i32 [experts + 1], not falling
     */
    void forward(Tensor y, Tensor x, Weight[] experts, Tensor offsets);

    /** For each expert, {@code dx = dy W_e} on its rows (written or added). */
    void inputGrad(Tensor dx, Tensor dy, Weight[] experts, Tensor offsets, Accumulate mode);

    /** For each expert, {@code dW_e += dyᵀ x} over its rows. */
    void weightGrad(Weight[] experts, Tensor dy, Tensor x, Tensor offsets);

    /** What this engine is and why it was chosen, in a few words, for {@code gatun inspect}. */
    String describe();
}
