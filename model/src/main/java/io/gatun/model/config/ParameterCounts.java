package io.gatun.model.config;

import java.util.List;

/**
 * How many parameters a model has and uses (SPEC 1.2).
 *
 * @param total the main model's, every expert included
 * @param active those that one token uses, embedding and head included: K of the E experts in each layer
 * @param activeWithoutEmbedding the same without the input embedding, which is looked up and not multiplied
 * @param mtp those that only the MTP modules have
 * @param mtpWithCopies the MTP modules' with the embedding and head that a checkpoint repeats for each
 * @param mtpActiveWithCopies the MTP modules' that one token uses, with embedding and head
 */
public record ParameterCounts(
        long total, long active, long activeWithoutEmbedding, long mtp, long mtpWithCopies, long mtpActiveWithCopies) {

    public static ParameterCounts of(ModelConfig config) {
        List<ParameterSpec> specs = ModelParameters.of(config);
        int main = ModelParameters.mainCount(config);
        List<ParameterSpec> model = specs.subList(0, main);
        List<ParameterSpec> modules = specs.subList(main, specs.size());
        long copies = ModelParameters.copies(config).stream()
                .mapToLong(copy -> copy.spec().count())
                .sum();
        long embedding = (long) config.vocabSize() * config.hiddenSize();
        return new ParameterCounts(
                sum(model),
                active(model, config),
                active(model, config) - embedding,
                sum(modules),
                sum(modules) + copies,
                active(modules, config) + copies);
    }

    private static long sum(List<ParameterSpec> specs) {
        return specs.stream().mapToLong(ParameterSpec::count).sum();
    }

    private static long active(List<ParameterSpec> specs, ModelConfig config) {
        long experts = specs.stream()
                .filter(spec -> spec.role() == Role.EXPERT)
                .mapToLong(ParameterSpec::count)
                .sum();
        return sum(specs) - experts + experts / config.nRoutedExperts() * config.numExpertsPerTok();
    }
}
