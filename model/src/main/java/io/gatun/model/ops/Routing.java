package io.gatun.model.ops;

import io.gatun.tensor.Tensor;

/**
 * Where one micro-batch's tokens go, as the router decided: what forward needs to move rows and backward to return.
 *
 * @param scores [rows, experts], unbiased
 * @param ids i32 [rows, topK]: chosen experts in falling order of biased score
 * @param weights [rows, topK]: their final weights
 * @param positions i32 [rows, topK]: the row of the permuted order that holds this choice
 * @param tokens i32 [rows * topK]: the token of each permuted row; rows of one expert are neighbours, in token order
 * @param offsets i32 [experts + 1]: the first permuted row of each expert
 */
public record Routing(Tensor scores, Tensor ids, Tensor weights, Tensor positions, Tensor tokens, Tensor offsets) {}
