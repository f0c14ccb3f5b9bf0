package io.gatun.trainer.balance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class BiasUpdateTest {
    @Test
    void overloadedExpertsGoDownOthersUp() { // SPEC 3.1: sign(mean - count), nothing at the mean
        try (Arena arena = Arena.ofConfined()) {
            Tensor bias = Tensor.zeros(arena, DType.F32, 4);
            bias.set(3, 0.5);
            BiasUpdate.apply(bias, new long[] {10, 30, 0, 0}, 0.001);
            BiasUpdate.apply(bias, new long[] {10, 11, 9, 10}, 0.001);
            assertThat(bias.get(0)).isZero();
            assertThat(bias.get(1)).isEqualTo(-0.002, offset(1e-9));
            assertThat(bias.get(2)).isEqualTo(0.002, offset(1e-9));
            assertThat(bias.get(3)).isEqualTo(0.501, offset(1e-7));
        }
    }

    @Test
    void maxVioIsTheWorstExcessOverTheMean() {
        assertThat(ExpertLoad.maxVio(new long[] {10, 30, 0, 0})).isEqualTo(2);
        assertThat(ExpertLoad.maxVio(new long[] {5, 5, 5})).isZero();
        assertThat(ExpertLoad.maxVio(new long[] {0, 0})).isNaN();
    }
}
