package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LogProbsTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 17, 1000})
    void equalsALogSoftmaxThatSorts(int vocabulary) {
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.random(arena, 9, vocabulary, 20, 2);
            double sum = 0;
            for (int i = 0; i < vocabulary; i++) sum += Math.exp(row.get(0, i));
            double all = Math.log(sum);
            List<Integer> ranked = IntStream.range(0, vocabulary)
                    .boxed()
                    .sorted(Comparator.<Integer>comparingDouble(i -> 0 - row.get(0, i))
                            .thenComparingInt(i -> i))
                    .toList();
            for (int count : new int[] {0, 1, 5, 2000}) {
                LogProbs found = LogProbs.of(row, vocabulary / 2, count);
                assertThat(found.id()).isEqualTo(vocabulary / 2);
                assertThat(found.logProb()).isCloseTo(row.get(0, vocabulary / 2) - all, within(1e-11));
                assertThat(found.top().stream().map(LogProbs.Alternative::id).toList())
                        .isEqualTo(ranked.subList(0, Math.min(count, vocabulary)));
                for (LogProbs.Alternative one : found.top()) {
                    assertThat(one.logProb()).isCloseTo(row.get(0, one.id()) - all, within(1e-11));
                }
            }
        }
    }

    @Test
    void largeLogitsDoNotOverflow() {
        try (Arena arena = Arena.ofConfined()) {
            LogProbs found = LogProbs.of(Logits.of(arena, 30000, 30000), 1, 1);
            assertThat(found.logProb()).isCloseTo(-Math.log(2), within(1e-12));
        }
    }

    @Test
    void refusesOtherTypes() {
        try (Arena arena = Arena.ofConfined()) {
            assertThatThrownBy(() -> LogProbs.of(Tensor.zeros(arena, DType.BF16, 1, 3), 0, 1))
                    .isInstanceOf(TensorException.class);
        }
    }
}
