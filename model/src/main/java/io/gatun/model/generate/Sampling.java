package io.gatun.model.generate;

import java.util.Map;

/**
 * How the next token is drawn. Steps apply in this order, which is that of Hugging Face's processors: repetition penalty,
 * logit bias, temperature, top-k, top-p, min-p. Start from {@link #GREEDY} and change what should differ:
 * {@code Sampling.GREEDY.temperature(0.7).topP(0.95)}.
 *
 * @param temperature divides the logits; 0 takes the most likely token, penalty and bias still applied
 * @param topP keeps the most likely tokens that together reach this probability; 1 keeps all
 * @param topK keeps this many most likely tokens; 0 keeps all
 * @param minP keeps tokens at least this likely relative to the most likely one; 0 keeps all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens already in the text; 1 does nothing
 * @param logitBias what is added to the logits of these tokens
 * @param seed of the random numbers
 */
public record Sampling(
        double temperature,
        double topP,
        int topK,
        double minP,
        double repetitionPenalty,
        Map<Integer, Double> logitBias,
        long seed) {
    /** The most likely token, always. */
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, 1, Map.of(), 0);

    public Sampling {
        rule(temperature >= 0 && temperature <= 100, "temperature", temperature, "from 0 to 100");
        rule(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1");
        rule(topK >= 0, "top-k", topK, "not negative");
        rule(minP >= 0 && minP <= 1, "min-p", minP, "from 0 to 1");
        rule(
                repetitionPenalty > 0 && repetitionPenalty <= Float.MAX_VALUE,
                "repetition-penalty",
                repetitionPenalty,
                "above 0 and finite");
        logitBias = Map.copyOf(logitBias);
        logitBias.forEach((id, addend) -> {
            rule(id >= 0, "a token of logit-bias", id, "not negative");
            rule(Math.abs(addend) <= Float.MAX_VALUE, "logit-bias of token " + id, addend, "finite");
        });
    }

    public Sampling temperature(double other) {
        return new Sampling(other, topP, topK, minP, repetitionPenalty, logitBias, seed);
    }

    public Sampling topP(double other) {
        return new Sampling(temperature, other, topK, minP, repetitionPenalty, logitBias, seed);
    }

    public Sampling topK(int other) {
        return new Sampling(temperature, topP, other, minP, repetitionPenalty, logitBias, seed);
    }

    public Sampling minP(double other) {
        return new Sampling(temperature, topP, topK, other, repetitionPenalty, logitBias, seed);
    }

    public Sampling repetitionPenalty(double other) {
        return new Sampling(temperature, topP, topK, minP, other, logitBias, seed);
    }

    public Sampling logitBias(Map<Integer, Double> other) {
        return new Sampling(temperature, topP, topK, minP, repetitionPenalty, other, seed);
    }

    public Sampling seed(long other) {
        return new Sampling(temperature, topP, topK, minP, repetitionPenalty, logitBias, other);
    }

    private static void rule(boolean holds, String name, Object value, String rule) {
        if (!holds) throw new IllegalArgumentException(name + " is " + value + "; it must be " + rule);
    }
}
