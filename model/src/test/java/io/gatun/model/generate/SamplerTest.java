package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.ModelException;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
    private static final Sampling WARM = Sampling.GREEDY.temperature(0.8);

    private static List<Sampling> samplings(int vocabulary) {
        Map<Integer, Double> bias = Map.of(0, -2.5, vocabulary / 2, 3.0, vocabulary - 1, 0.75);
        return List.of(
                Sampling.GREEDY,
                Sampling.GREEDY.repetitionPenalty(1.7).logitBias(bias),
                WARM,
                WARM.temperature(1e-3),
                WARM.temperature(100),
                WARM.topK(1),
                WARM.topK(3),
                WARM.topK(40),
                WARM.topK(vocabulary),
                WARM.topK(Integer.MAX_VALUE),
                WARM.topP(1e-9),
                WARM.topP(0.3),
                WARM.topP(0.95),
                WARM.topP(0.999),
                WARM.minP(0.05),
                WARM.minP(1),
                WARM.topK(30).topP(0.9),
                WARM.topP(0.9).minP(0.1),
                WARM.topP(0.999).temperature(0.1),
                WARM.topP(0.9).temperature(30),
                WARM.topK(20).minP(0.2),
                WARM.topK(50).topP(0.97).minP(0.01).repetitionPenalty(1.3).logitBias(bias),
                WARM.temperature(2).repetitionPenalty(0.6).logitBias(bias));
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 4, 7, 50, 1000, 129_280})
    void equalsItsReference(int vocabulary) {
        try (Arena arena = Arena.ofConfined()) {
            double[] steps = vocabulary > 1000 ? new double[] {0.25} : new double[] {0x1p-20, 0.25, 2};
            for (double step : steps) {
                Tensor row = Logits.random(arena, vocabulary, vocabulary, 3, step);
                TreeSet<Integer> seen = new TreeSet<>();
                Random random = new Random(5);
                for (int i = 0; i < vocabulary / 3; i++) seen.add(random.nextInt(vocabulary));
                for (Sampling sampling : samplings(vocabulary)) {
                    Sampler sampler = new Sampler(sampling, vocabulary);
                    seen.forEach(sampler::saw);
                    seen.forEach(sampler::saw); // a second time changes nothing
                    sampler.distribution(row);
                    double[] expected = SamplerReference.distribution(sampling, Logits.array(row), seen);
                    assertSame(sampler, expected, sampling + " in steps of " + step);
                }
            }
        }
    }

    private static void assertSame(Sampler sampler, double[] expected, String what) {
        int candidates = 0;
        for (int i = 0; i < expected.length; i++) {
            if (Math.abs(sampler.probability(i) - expected[i]) > 1e-11 * expected[i]) {
                assertThat(sampler.probability(i))
                        .as("token %d with %s", i, what)
                        .isEqualTo(expected[i]);
            }
            if (expected[i] > 0) candidates++;
        }
        assertThat(sampler.candidates()).as(what).isEqualTo(candidates);
        double sum = 0;
        for (int i = 0; i < candidates; i++) sum += sampler.probability(sampler.candidate(i));
        assertThat(sum).as(what).isBetween(1 - 1e-9, 1 + 1e-9);
    }

    @Test
    void aSamplerForgetsTheDistributionBefore() {
        try (Arena arena = Arena.ofConfined()) {
            for (Sampling sampling : samplings(50)) {
                Sampler sampler = new Sampler(sampling, 50);
                for (int seed = 0; seed < 20; seed++) {
                    Tensor row = Logits.random(arena, seed, 50, 0.6 + seed, 0.5);
                    sampler.distribution(row);
                    double[] expected = SamplerReference.distribution(sampling, Logits.array(row), new TreeSet<>());
                    assertSame(sampler, expected, sampling + " seed " + seed);
                }
            }
        }
    }

    @Test
    void oneTokenIsEnough() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.of(arena, -3);
            for (Sampling sampling : List.of(Sampling.GREEDY, WARM, WARM.topK(5), WARM.topP(0.5), WARM.minP(0.5))) {
                assertThat(new Sampler(sampling, 1).next(row)).isZero();
            }
        }
    }

    @Test
    void tiesGoToTheLowerId() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.of(arena, 1, -0.0, 2, 0, 2, 2);
            assertThat(new Sampler(Sampling.GREEDY, 6).next(row)).isEqualTo(2);
            assertThat(candidates(WARM.topK(2), row)).containsExactly(2, 4);
            assertThat(candidates(WARM.topK(5), row)).containsExactly(2, 4, 5, 0, 1); // -0 ties with 0
            assertThat(candidates(WARM.topP(0.5), row)).containsExactlyInAnyOrder(2, 4);
        }
    }

    private static int[] candidates(Sampling sampling, Tensor row) {
        Sampler sampler = new Sampler(sampling, row.cols());
        sampler.distribution(row);
        int[] candidates = new int[sampler.candidates()];
        for (int i = 0; i < candidates.length; i++) candidates[i] = sampler.candidate(i);
        return candidates;
    }

    @Test
    void penaltyAndBiasHoldAtTemperatureZero() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.of(arena, 3, 2, -1);
            Sampler penalised = new Sampler(Sampling.GREEDY.repetitionPenalty(2), 3);
            assertThat(penalised.next(row)).isZero();
            penalised.saw(0);
            assertThat(penalised.next(row)).isEqualTo(1);
            assertThat(new Sampler(Sampling.GREEDY.logitBias(Map.of(2, 4.5)), 3).next(row))
                    .isEqualTo(2);
        }
    }

    @Test
    void drawsAsOftenAsTheDistributionSays() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.random(arena, 3, 60, 2, 0.25);
            for (Sampling sampling : samplings(60)) {
                Sampler sampler = new Sampler(sampling.seed(11), 60);
                sampler.distribution(row);
                int[] counts = new int[60];
                for (int i = 0; i < 60_000; i++) counts[sampler.draw()]++;
                double[] p = SamplerReference.distribution(sampling, Logits.array(row), new TreeSet<>());
                assertThat(Logits.chiSquare(counts, p)).as(sampling.toString()).isLessThanOrEqualTo(Logits.limit(p));
            }
        }
    }

    @Test
    void aSeedGivesTheSameTokensAgainAndAForkGivesOthers() {
        try (Arena arena = Arena.ofConfined()) {
            Tensor row = Logits.random(arena, 3, 1000, 0.1, 1e-6);
            Sampler sampler = new Sampler(WARM.seed(1), 1000);
            Sampler same = new Sampler(WARM.seed(1), 1000);
            Sampler other = new Sampler(WARM.seed(2), 1000);
            Sampler fork = new Sampler(WARM.seed(1), 1000).fork();
            int equalToOther = 0;
            int equalToFork = 0;
            for (int i = 0; i < 1000; i++) {
                int token = sampler.next(row);
                assertThat(same.next(row)).isEqualTo(token);
                if (other.next(row) == token) equalToOther++;
                if (fork.next(row) == token) equalToFork++;
            }
            assertThat(equalToOther).isLessThan(10);
            assertThat(equalToFork).isLessThan(10);
        }
    }

    @Test
    void aForkHasSeenWhatWasSeen() {
        try (Arena arena = Arena.ofConfined()) {
            Sampler sampler = new Sampler(Sampling.GREEDY.repetitionPenalty(2), 2);
            sampler.saw(0);
            assertThat(sampler.fork().next(Logits.of(arena, 3, 2))).isEqualTo(1);
        }
    }

    @Test
    void refusesWhatIsNotFinite() {
        try (Arena arena = Arena.ofConfined()) {
            for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
                Sampler sampler = new Sampler(WARM, 3);
                sampler.next(Logits.of(arena, 1, 2, 3));
                assertThatThrownBy(() -> sampler.next(Logits.of(arena, 1, bad, 3)))
                        .isInstanceOf(ModelException.class)
                        .hasMessageContaining("the logit of token 1 is " + (float) bad);
                assertThatThrownBy(sampler::draw).isInstanceOf(IllegalStateException.class);
                assertThat(sampler.probability(2)).isZero();
            }
        }
    }

    @Test
    void refusesOtherShapesAndTypes() {
        try (Arena arena = Arena.ofConfined()) {
            Sampler sampler = new Sampler(WARM, 3);
            List<Tensor> others = List.of(
                    Tensor.zeros(arena, DType.F32, 1, 4),
                    Tensor.zeros(arena, DType.F32, 2, 3),
                    Tensor.zeros(arena, DType.BF16, 1, 3));
            for (Tensor other : others) {
                assertThatThrownBy(() -> sampler.distribution(other))
                        .isInstanceOf(TensorException.class)
                        .hasMessage("logits are " + other + "; f32[1, 3] was expected");
            }
        }
    }

    @Test
    void refusesTokensBeyondTheVocabulary() {
        assertThatThrownBy(() -> new Sampler(WARM.logitBias(Map.of(3, 1.0)), 3))
                .isInstanceOf(ModelException.class)
                .hasMessage("logit-bias has token 3; the vocabulary has 3 tokens");
        assertThatThrownBy(() -> new Sampler(WARM, 3).saw(-1)).isInstanceOf(ModelException.class);
    }

    @Test
    void settingsNameTheFieldThatIsWrong() {
        assertWrong(() -> WARM.temperature(-1), "temperature");
        assertWrong(() -> WARM.temperature(Double.NaN), "temperature");
        assertWrong(() -> WARM.topP(0), "top-p");
        assertWrong(() -> WARM.topP(1.01), "top-p");
        assertWrong(() -> WARM.topK(-1), "top-k");
        assertWrong(() -> WARM.minP(2), "min-p");
        assertWrong(() -> WARM.repetitionPenalty(0), "repetition-penalty");
        assertWrong(() -> WARM.repetitionPenalty(Double.POSITIVE_INFINITY), "repetition-penalty");
        assertWrong(() -> WARM.logitBias(Map.of(-1, 1.0)), "a token of logit-bias");
        assertWrong(() -> WARM.logitBias(Map.of(7, Double.NaN)), "logit-bias of token 7");
    }

    private static void assertWrong(Runnable making, String field) {
        assertThatThrownBy(making::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(field + " is ");
    }
}
