package io.gatun.model.config;

/** The sentences with which a configuration refuses a value. */
final class Rules {
    private Rules() {}

    static void rule(boolean holds, String sentence, Object... values) {
        if (!holds) throw new IllegalArgumentException(sentence.formatted(values));
    }

    static void positive(String field, long value) {
        rule(value > 0, "%s is %d; it is at least 1", field, value);
    }

    static void positive(String field, double value) {
        rule(value > 0 && value < Double.POSITIVE_INFINITY, "%s is %s; it is a number above 0", field, value);
    }

    static void atMost(String field, long value, long most) {
        rule(value <= most, "%s is %d; at most %d is known to Gatun", field, value, most);
    }

    static void notNegative(String field, long value) {
        rule(value >= 0, "%s is %d; it is not negative", field, value);
    }

    static void given(String field, Object value) {
        rule(value != null, "%s is missing", field);
    }
}
