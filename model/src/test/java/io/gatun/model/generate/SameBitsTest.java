package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.precision.Compute;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a sequence says does not depend on neighbours, chunks, forks, threads or drafts (DESIGN rule 3). */
class SameBitsTest {
    private static final int[] PROMPT = {3, 14, 15, 9, 26, 5, 35, 8, 9, 7, 9, 3, 23, 8, 46, 26, 4, 33, 8, 3, 27, 9, 5};

    @ParameterizedTest
    @CsvSource({"v3-mini,F32", "fp8-ragged-mini,F32", "fp8-mini,BF16", "fp8-mini,W8A8", "v2lite-mini,BF16"})
    void anyChunkingOfAPromptGivesTheSameBits(String name, Compute compute) {
        byte[] whole = prefill(name, compute, 2, 512);
        assertThat(prefill(name, compute, 2, 1)).isEqualTo(whole);
        assertThat(prefill(name, compute, 1, 5)).isEqualTo(whole);
        assertThat(prefill(name, compute, 3, 16)).isEqualTo(whole);
    }

    private static byte[] prefill(String name, Compute compute, int threads, int chunk) {
        try (Opened model = new Opened(name, compute, threads, chunk, Drafting.NONE);
                Sequence sequence = model.passes.newPlainSequence()) {
            Tensor logits = model.logits(1);
            model.passes.prefill(sequence, PROMPT, logits);
            return bytes(logits);
        }
    }

    @ParameterizedTest
    @CsvSource({"v3-mini,F32", "fp8-ragged-mini,F32", "fp8-mini,BF16", "fp8-mini,W8A8"})
    void aSequenceInABatchSaysWhatItSaysAlone(String name, Compute compute) {
        try (Opened model = new Opened(name, compute, 2, 512, Drafting.NONE)) {
            for (int count : new int[] {2, 5, 16}) {
                Sequence[] together = new Sequence[count];
                Sequence[] alone = new Sequence[count];
                for (int s = 0; s < count; s++) {
                    together[s] = prompted(model, 1 + s % PROMPT.length);
                    alone[s] = prompted(model, 1 + s % PROMPT.length);
                }
                Tensor all = model.logits(count);
                Tensor one = model.logits(1);
                int[] ids = new int[count];
                for (int step = 0; step < 4; step++) {
                    for (int s = 0; s < count; s++) ids[s] = (7 * s + 11 * step) % 50;
                    model.passes.step(together, ids, count, all);
                    for (int s = 0; s < count; s++) {
                        model.passes.step(alone[s], new int[] {ids[s]}, 1, one);
                        assertThat(bytes(all.slice(s, s + 1)))
                                .as("sequence %d of %d, step %d", s, count, step)
                                .isEqualTo(bytes(one));
                    }
                }
                for (Sequence s : together) s.close();
                for (Sequence s : alone) s.close();
            }
        }
    }

    private static Sequence prompted(Opened model, int length) {
        Sequence sequence = model.passes.newPlainSequence();
        model.passes.prefill(sequence, Arrays.copyOf(PROMPT, length), model.logits(1));
        return sequence;
    }

    @Test
    void severalTokensOfOneSequenceInAPassEqualSingleSteps() {
        try (Opened model = Opened.f32("v3-mini");
                Sequence a = prompted(model, 9);
                Sequence b = prompted(model, 9)) {
            Tensor rows = model.logits(3);
            Tensor one = model.logits(1);
            int[] ids = {5, 17, 2};
            model.passes.step(a, ids, 3, rows);
            for (int i = 0; i < 3; i++) {
                model.passes.step(b, new int[] {ids[i]}, 1, one);
                assertThat(bytes(rows.slice(i, i + 1))).isEqualTo(bytes(one));
            }
        }
    }

    @Test
    void aForkGoesOnAsItsOriginAndLeavesItAlone() {
        try (Opened model = Opened.f32("v3-mini");
                Sequence origin = prompted(model, 13);
                Sequence undisturbed = prompted(model, 13)) {
            Tensor a = model.logits(1);
            Tensor b = model.logits(1);
            try (Sequence fork = model.passes.fork(origin, model.arena)) {
                for (int id : new int[] {1, 2, 3}) model.passes.step(fork, new int[] {id}, 1, a);
                for (int id : new int[] {9, 8, 7}) {
                    model.passes.step(origin, new int[] {id}, 1, a);
                    model.passes.step(undisturbed, new int[] {id}, 1, b);
                    assertThat(bytes(a)).isEqualTo(bytes(b));
                }
            }
            model.passes.step(origin, new int[] {4}, 1, a);
            model.passes.step(undisturbed, new int[] {4}, 1, b);
            assertThat(bytes(a)).isEqualTo(bytes(b));
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,2", "3,5"})
    void threadsDoNotChangeASingleBit(int threads, int drafts) {
        int[] expected = greedy(2, Drafting.NONE);
        assertThat(greedy(threads, Drafting.NONE)).isEqualTo(expected);
        assertThat(greedy(threads, Drafting.of(drafts))).isEqualTo(expected);
    }

    private static int[] greedy(int threads, Drafting drafting) {
        try (Opened model = new Opened("mtp-mini", Compute.F32, threads, 16, drafting);
                Session session = new Session(
                        model.passes,
                        ByteLevelTokenizer::new,
                        EndTokens.of(model.golden.config()),
                        96,
                        () -> {},
                        () -> {})) {
            var request = GenerationRequest.of(PROMPT).maxTokens(60).ignoreEos(true);
            GenerationResult result = session.generate(request, piece -> true);
            if (drafting.tokens() > 0) assertThat(result.drafts().drafted()).isPositive();
            return result.ids();
        }
    }

    @Test
    void speculationGoesOnAfterAConversationWasCutAndForked() {
        int[][] plain = conversation(Drafting.NONE);
        int[][] drafted = conversation(Drafting.of(2));
        assertThat(drafted).isDeepEqualTo(plain);
    }

    private static int[][] conversation(Drafting drafting) {
        try (Opened model = new Opened("mtp-mini", Compute.F32, 2, 16, drafting);
                Session session = new Session(
                        model.passes,
                        ByteLevelTokenizer::new,
                        EndTokens.of(model.golden.config()),
                        96,
                        () -> {},
                        () -> {})) {
            var request = GenerationRequest.of(PROMPT).maxTokens(12).ignoreEos(true);
            int[] first = session.generate(request, piece -> true).ids();
            int[] more =
                    session.generate(request.promptIds(5, 6), piece -> true).ids();
            try (Session fork = session.fork()) {
                int[] other = fork.generate(request.promptIds(7), piece -> true).ids();
                int[] again = session.answer(request, piece -> true).ids();
                return new int[][] {first, more, other, again, session.ids(), fork.ids()};
            }
        }
    }

    private static byte[] bytes(Tensor logits) {
        return logits.data().toArray(ValueLayout.JAVA_BYTE);
    }
}
