package io.gatun.model.layer;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.config.Yarn;

/**
 * How fast each pair of a rotary key turns: {@code theta^(-2i/dim)} radians a position (SPEC 2.3), and with YaRN (SPEC 2.4) slow
 * pairs {@code factor} times slower, so that positions past those of pre-training turn no further than the model has seen.
 *
 * @param dim rotated width, qk_rope_head_dim
 * @param theta base of the wave lengths, rope_theta
 * @param factor by how much YaRN stretches positions
 * @param betaFast pairs that turn more often than this within {@code originalMax} positions keep their frequency
 * @param betaSlow pairs that turn less often than this are stretched fully
 * @param originalMax positions in pre-training, original_max_position_embeddings
 * @param useYarn whether the model sees more than {@code originalMax} positions; otherwise the four numbers above are ignored
 */
public record RopeFrequencies(
        int dim, double theta, double factor, double betaFast, double betaSlow, int originalMax, boolean useYarn) {
    public RopeFrequencies {
        if (dim < 2 || dim % 2 != 0) {
            throw new IllegalArgumentException(
                    "qk_rope_head_dim is " + dim + "; RoPE turns pairs, so it must be even and positive");
        }
        if (!(theta > 1)) throw new IllegalArgumentException("rope_theta is " + theta + "; it must be above 1");
        if (useYarn) {
            if (!(factor >= 1)) {
                throw new IllegalArgumentException("rope_scaling.factor is " + factor + "; it must be at least 1");
            }
            if (!(betaSlow > 0) || !(betaFast >= betaSlow)) {
                throw new IllegalArgumentException(
                        "rope_scaling.beta_fast is %s and beta_slow %s; it must be beta_fast >= beta_slow > 0"
                                .formatted(betaFast, betaSlow));
            }
            if (originalMax < 1) {
                throw new IllegalArgumentException(
                        "rope_scaling.original_max_position_embeddings is " + originalMax + "; it must be positive");
            }
        }
    }

    /** What {@code config} asks for. */
    public static RopeFrequencies of(ModelConfig config) {
        if (!config.usesYarn()) return plain(config.qkRopeHeadDim(), config.ropeTheta());
        Yarn yarn = config.ropeScaling();
        return new RopeFrequencies(
                config.qkRopeHeadDim(),
                config.ropeTheta(),
                yarn.factor(),
                yarn.betaFast(),
                yarn.betaSlow(),
                yarn.originalMaxPositionEmbeddings(),
                true);
    }

    /** Frequencies without YaRN. */
    public static RopeFrequencies plain(int dim, double theta) {
        return new RopeFrequencies(dim, theta, 1, 1, 1, 1, false);
    }

    /**
     * Radians a position for each of the {@code dim / 2} pairs. Every step rounds to float as the published code does: at position
     * 160,000 one unit in the last place is a hundredth of a radian.
     */
    public float[] perPair() {
        float[] frequencies = new float[dim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = 1 / (float) Math.pow(theta, (float) (2 * i) / dim);
        }
        if (useYarn) stretch(frequencies);
        return frequencies;
    }

    private void stretch(float[] frequencies) {
        double low = Math.max(Math.floor(pairThatTurns(betaFast)), 0);
        double high = Math.min(Math.ceil(pairThatTurns(betaSlow)), dim - 1); // dim, not dim / 2: as published
        if (low == high) high += 0.001;
        for (int i = 0; i < frequencies.length; i++) {
            float ramp = Math.clamp((i - (float) low) / (float) (high - low), 0f, 1f);
            float kept = 1 - ramp;
            frequencies[i] = frequencies[i] / (float) factor * (1 - kept) + frequencies[i] * kept;
        }
    }

    /** The (fractional) pair that turns {@code rotations} times within the original positions. */
    private double pairThatTurns(double rotations) {
        return dim * Math.log(originalMax / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }
}
