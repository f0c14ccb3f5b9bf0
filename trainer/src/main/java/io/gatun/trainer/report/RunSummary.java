package io.gatun.trainer.report;

import java.util.SequencedMap;

/**
 * What a report says beside the curves.
 *
 * @param name of the run
 * @param configuration field (such as {@code model.hidden_size}, as {@code --set} takes it) to value, in the order to show
 * @param result name to value, in the order to show: model size, time, paths
 * @param prompt what the model was asked to continue; empty when there is no sample yet
 * @param sample what it wrote
 */
public record RunSummary(
        String name,
        SequencedMap<String, String> configuration,
        SequencedMap<String, String> result,
        String prompt,
        String sample) {}
