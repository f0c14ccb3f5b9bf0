package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Warm sampling allocates nothing. */
class SamplerAllocationTest {
    private static final int CALLS = 100;
    private static final int WARM_UPS = 200;
    private static final int VOCABULARY = 1000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private int last; // keeps the tokens from being optimised away

    @Test
    @Tag("allocation")
    void warmCallsAllocateNothing() {
        Sampling warm = Sampling.GREEDY.temperature(0.8).repetitionPenalty(1.1).logitBias(Map.of(3, 1.0));
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.random(arena, 1, VOCABULARY, 2, 0.25);
            Tensor draftRow = Logits.random(arena, 2, VOCABULARY, 2, 0.25);
            for (Sampling sampling : List.of(
                    Sampling.GREEDY,
                    warm,
                    warm.topK(40),
                    warm.topP(0.95),
                    warm.minP(0.05),
                    warm.topK(90).topP(0.9))) {
                Sampler p = new Sampler(sampling, VOCABULARY);
                Sampler q = p.fork();
                SpeculativeSampler speculative = new SpeculativeSampler();
                Runnable step = () -> {
                    last = p.next(row);
                    p.saw(last);
                    p.distribution(row);
                    last = speculative.accept(q.next(draftRow), p, q);
                };
                long allocated = 1;
                for (int block = 0; block < WARM_UPS && allocated > 0; block++) allocated = allocatedBy(step);
                assertThat(allocated)
                        .as("bytes after %d warm-ups with %s", WARM_UPS, sampling)
                        .isZero();
            }
        }
    }

    private static long allocatedBy(Runnable step) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) step.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
