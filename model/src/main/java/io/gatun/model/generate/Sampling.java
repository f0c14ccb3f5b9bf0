package io.gatun.model.generate;

/**
 * How the next token is drawn. Filters apply in this order: repetition penalty, temperature, top-k, top-p, min-p.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param topP keeps the most likely tokens that together reach this probability; 1 keeps all
 * @param topK keeps this many most likely tokens; 0 keeps all
 * @param minP keeps tokens at least this likely relative to the most likely one; 0 keeps all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens already in the text; 1 does nothing
 * @param seed of the random numbers
 */
public record Sampling(double temperature, double topP, int topK, double minP, double repetitionPenalty, long seed) {
    /** The most likely token, always. */
    public static final Sampling GREEDY = new Sampling(0, 1, 0, 0, 1, 0);

    public Sampling {
        rule(temperature >= 0 && temperature <= 100, "temperature", temperature, "from 0 to 100");
        rule(topP > 0 && topP <= 1, "top-p", topP, "above 0 and at most 1");
        rule(topK >= 0, "top-k", topK, "not negative");
        rule(minP >= 0 && minP <= 1, "min-p", minP, "from 0 to 1");
        rule(repetitionPenalty > 0, "repetition-penalty", repetitionPenalty, "above 0");
    }

    private static void rule(boolean holds, String name, Object value, String rule) {
        if (!holds) throw new IllegalArgumentException(name + " is " + value + "; it must be " + rule);
    }
}
