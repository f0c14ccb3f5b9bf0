package io.gatun.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FanOutTest {
    private record Recording(String name, List<String> calls, boolean failing) implements MetricsSink {
        @Override
        public void step(StepMetrics metrics) {
            calls.add(name + " step " + metrics.step());
        }

        @Override
        public void heldOut(long step, double bitsPerByte) {
            calls.add(name + " held-out " + step);
        }

        @Override
        public void close() {
            calls.add(name + " close");
            if (failing) throw new IllegalStateException(name);
        }
    }

    @Test
    void handsEverythingToAllInOrderAndClosesAllThoughOneFails() {
        var calls = new ArrayList<String>();
        MetricsSink all = MetricsSink.all(new Recording("a", calls, true), new Recording("b", calls, true));
        all.step(Rows.at(4));
        all.heldOut(4, 2);
        assertThatThrownBy(all::close).hasMessage("a").hasSuppressedException(new IllegalStateException("b"));
        assertThat(calls).containsExactly("a step 4", "b step 4", "a held-out 4", "b held-out 4", "a close", "b close");
    }
}
