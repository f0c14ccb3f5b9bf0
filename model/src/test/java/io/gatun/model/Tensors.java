package io.gatun.model;

import io.gatun.tensor.Tensor;

/** Comparisons of tensors that say where they fail. */
public final class Tensors {
    private Tensors() {}

    /**
     * Fails when any element is further than {@code tolerance} from the expected one, or is not a number: names the worst
     * element, both values and how many are off.
     */
    public static void assertClose(String what, Tensor actual, Tensor expected, double tolerance) {
        if (actual.count() != expected.count()) {
            throw new AssertionError(what + ": " + actual + " against " + expected);
        }
        long worst = -1;
        long off = 0;
        double largest = -1;
        for (long i = 0; i < actual.count(); i++) {
            double error = Math.abs(actual.get(i) - expected.get(i));
            if (Double.isNaN(error)) error = Double.POSITIVE_INFINITY;
            if (error > tolerance) off++;
            if (error > largest) {
                largest = error;
                worst = i;
            }
        }
        if (off > 0) {
            throw new AssertionError(
                    "%s: %d of %d elements are off by more than %g; element %d is %g, expected %g (error %g)"
                            .formatted(
                                    what,
                                    off,
                                    actual.count(),
                                    tolerance,
                                    worst,
                                    actual.get(worst),
                                    expected.get(worst),
                                    largest));
        }
    }
}
