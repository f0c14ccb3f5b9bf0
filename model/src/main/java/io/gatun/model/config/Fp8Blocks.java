package io.gatun.model.config;

import static io.gatun.model.config.Rules.positive;

/**
 * How a checkpoint's FP8 weights are scaled: each block of a matrix has one FP32 factor in {@code NAME_scale_inv}, and blocks
 * at the edges are partial; {@code quantization_config} of a config.json.
 *
 * @param rows output features per block; 128 in the released checkpoints
 * @param cols input features per block
 * @param powerOfTwoScales whether scales are powers of two ({@code scale_fmt} is {@code ue8m0})
 */
public record Fp8Blocks(int rows, int cols, boolean powerOfTwoScales) {
    public Fp8Blocks {
        positive("quantization_config.weight_block_size[0]", rows);
        positive("quantization_config.weight_block_size[1]", cols);
    }
}
