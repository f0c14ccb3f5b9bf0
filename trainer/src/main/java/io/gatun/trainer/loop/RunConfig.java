package io.gatun.trainer.loop;

import io.gatun.model.config.ModelConfig;
import io.gatun.trainer.schedule.TrainConfig;

/**
 * Everything that decides a run's numbers, data apart.
 *
 * @param name of the configuration; the default folder of the run
 * @param recipe of precision: f32 or bf16
 * @param seed of initialisation, line order and batches
 */
public record RunConfig(String name, ModelConfig model, TrainConfig train, String recipe, long seed) {
    public RunConfig {
        int longest = model.maxPositionEmbeddings();
        if (train.sequenceLength() > longest) {
            throw new IllegalArgumentException(
                    "train.sequence_length is %d and model.max_position_embeddings %d; sequences must fit"
                            .formatted(train.sequenceLength(), longest));
        }
        if (train.sequenceLength() <= model.numNextnPredictLayers()) {
            throw new IllegalArgumentException("train.sequence_length is %d; with %d MTP modules it must be longer"
                    .formatted(train.sequenceLength(), model.numNextnPredictLayers()));
        }
    }
}
