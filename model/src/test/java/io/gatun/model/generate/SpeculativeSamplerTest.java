package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SpeculativeSamplerTest {
    private static final int ROUNDS = 200_000;
    private static final double NEVER = -1e4; // e to this is 0

    private record Pair(String name, Sampling sampling, double[] p, double[] q) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Pair> pairs() {
        Sampling plain = Sampling.GREEDY.temperature(1).seed(42);
        double[] some = {0.5, 2, -1, 1.5, 0, -0.5, 1, -3};
        double[] other = {2, -1, 0.3, 1, 1.7, -2, 0, 0.5};
        double[] near = {0.6, 1.9, -1, 1.4, 0.1, -0.5, 1.1, -2.5};
        double[] left = {0, 1, 2, 0.5, NEVER, NEVER, NEVER, NEVER};
        double[] right = {NEVER, NEVER, NEVER, NEVER, 1, 0, 0.5, 2};
        double[] middle = {NEVER, NEVER, 1, 2, 0, 1.5, NEVER, NEVER};
        double[] one = {NEVER, NEVER, NEVER, 0, NEVER, NEVER, NEVER, NEVER};
        return Stream.of(
                new Pair("the same", plain, some, some),
                new Pair("close", plain, some, near),
                new Pair("far", plain, some, other),
                new Pair("nothing in common", plain, left, right),
                new Pair("half in common", plain, left, middle),
                new Pair("a sure draft", plain, some, one),
                new Pair("a sure model", plain, one, some),
                new Pair("with filters", plain.topK(5).topP(0.9), some, other),
                new Pair("hot", plain.temperature(5).minP(0.3), some, other));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void whatComesOutIsDistributedAsTheModelSays(Pair pair) {
        try (Arena arena = Arena.ofConfined()) {
            Sampler p = new Sampler(pair.sampling, 8);
            Sampler q = p.fork();
            p.distribution(Logits.of(arena, pair.p));
            Tensor draftRow = Logits.of(arena, pair.q);
            SpeculativeSampler speculative = new SpeculativeSampler();
            int[] counts = new int[8];
            int kept = 0;
            for (int i = 0; i < ROUNDS; i++) {
                int draft = q.next(draftRow);
                int token = speculative.accept(draft, p, q);
                counts[token]++;
                if (token == draft) kept++;
            }
            double[] expected = distribution(pair.sampling, pair.p);
            double[] drafts = distribution(pair.sampling, pair.q);
            assertThat(Logits.chiSquare(counts, expected)).isLessThanOrEqualTo(Logits.limit(expected));
            double overlap = 0;
            for (int i = 0; i < 8; i++) overlap += Math.min(expected[i], drafts[i]);
            assertThat(speculative.drafted()).isEqualTo(ROUNDS);
            assertThat(speculative.accepted()).isEqualTo(kept);
            double deviation = Math.sqrt(overlap * (1 - overlap) / ROUNDS);
            assertThat((double) kept / ROUNDS)
                    .isBetween(overlap - 5 * deviation - 1e-9, overlap + 5 * deviation + 1e-9);
        }
    }

    private static double[] distribution(Sampling sampling, double[] logits) {
        float[] row = new float[logits.length];
        for (int i = 0; i < row.length; i++) row[i] = (float) logits[i];
        return SamplerReference.distribution(sampling, row, new TreeSet<>());
    }

    @Test
    void greedyAcceptsExactlyTheModelsChoice() {
        try (Arena arena = Arena.ofConfined()) {
            Sampler p = new Sampler(Sampling.GREEDY, 4);
            Sampler q = p.fork();
            SpeculativeSampler speculative = new SpeculativeSampler();
            for (int choice = 0; choice < 4; choice++) {
                for (int draft = 0; draft < 4; draft++) {
                    double[] logits = new double[4];
                    logits[choice] = 1;
                    p.distribution(Logits.of(arena, logits));
                    double[] draftLogits = new double[4];
                    draftLogits[draft] = 1;
                    int proposed = q.next(Logits.of(arena, draftLogits));
                    assertThat(proposed).isEqualTo(draft);
                    assertThat(speculative.accept(proposed, p, q)).isEqualTo(choice);
                }
            }
            assertThat(speculative.accepted()).isEqualTo(4);
            assertThat(speculative.drafted()).isEqualTo(16);
        }
    }
}
