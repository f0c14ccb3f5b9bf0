package io.gatun.model.layer;

import io.gatun.tensor.Tensor;

/**
 * A parameter that is used as it is: a gain, an embedding table, a selection bias.
 *
 * @param value the numbers
 * @param grad the gradient that backward adds to; null when it is not trained
 */
public record Parameter(Tensor value, Tensor grad) {}
