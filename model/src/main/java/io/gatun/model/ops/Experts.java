package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** Routing of tokens to experts and back (SPEC 2.5, 3.2). */
public interface Experts {
    /**
     * Tells whether a router can run; asked when its layer is made.
     *
     * @throws TensorException with what the hardware allows
     */
    default void check(RouterConfig router) {}

    /**
     * Scores, selection, weights and the permuted order of a micro-batch; no token is dropped.
     *
     * @param routing all of its tensors are written
     * @param logits [rows, experts]
     * @param bias [experts] for selection only; null when the router has none
     */
    void route(Routing routing, Tensor logits, Tensor bias, RouterConfig router);

    /**
     * The gradient of {@link #route} through the weights of the chosen (selection itself has none) and, added to it,
     * {@code dScores} of a balance loss.
     *
     * @param dLogits [rows, experts], written
     * @param dWeights [rows, topK]
     * @param dScores [rows, experts]; null when no balance loss is on
     */
    void routeGrad(Tensor dLogits, Tensor dWeights, Tensor dScores, Routing routing, RouterConfig router);

    /**
     * The sequence-wise balance loss {@code Σ_e f_e P_e} of each sequence (SPEC 3.2) and the gradient of
     * {@code factor · Σ_sequences loss}.
     *
     * @param loss [sequences], written without factor
     * @param dScores [rows, experts], written
     * @param sequence tokens of one sequence
     */
    void sequenceBalance(Tensor loss, Tensor dScores, Tensor scores, RouterConfig router, int sequence, float factor);

    /** Copies each token's row to the permuted rows of its experts: {@code permuted} [rows * topK, dim], {@code x} [rows, dim]. */
    void permute(Tensor permuted, Tensor x, Routing routing);

    /** The gradient of {@link #permute}: {@code dx[t] (+)= Σ_k dPermuted[positions[t, k]]}, in slot order. */
    void permuteGrad(Tensor dx, Tensor dPermuted, Routing routing, Accumulate mode);

    /** {@code y[t] (+)= Σ_k weights[t, k] · permuted[positions[t, k]]}, in slot order. */
    void unpermute(Tensor y, Tensor permuted, Routing routing, Accumulate mode);

    /**
     * The gradients of {@link #unpermute}: {@code dPermuted[p] = weights · dy[t]}, {@code dWeights[t, k] = dy[t] ·
     * permuted[p]}; both written.
     */
    void unpermuteGrad(Tensor dPermuted, Tensor dWeights, Tensor dy, Tensor permuted, Routing routing);
}
