package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** The twin's gradients against central differences of its own forward. */
class ReferenceAttentionTest {
    private final Attention attention = new ReferenceAttention();
    private final AttentionCase c = new AttentionCase(DType.F64, new Attention.Shape(2, 3, 2, 4, 5, 0.7f), 2, 31);

    @Test
    void gradientsAreThoseOfTheForward() {
        c.forward(attention);
        c.backward(attention);
        check(c.dq, c.q);
        check(c.dkv, c.kv);
        check(c.dkRope, c.kRope);
    }

    private void check(Tensor gradient, Tensor input) {
        double h = 1e-5;
        for (int i = 0; i < input.count(); i++) {
            double value = input.get(i);
            input.set(i, value + h);
            double above = loss();
            input.set(i, value - h);
            double below = loss();
            input.set(i, value);
            assertThat(gradient.get(i)).as("element " + i).isEqualTo((above - below) / (2 * h), within(1e-8));
        }
    }

    private double loss() {
        c.forward(attention);
        double sum = 0;
        for (int i = 0; i < c.o.count(); i++) sum += c.o.get(i) * c.dO.get(i);
        return sum;
    }
}
