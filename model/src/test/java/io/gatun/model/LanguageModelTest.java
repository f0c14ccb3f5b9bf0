package io.gatun.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.config.Configs;
import io.gatun.model.generate.BatchRunner;
import io.gatun.model.generate.Drafting;
import io.gatun.model.generate.FinishReason;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.GenerationResult;
import io.gatun.model.generate.Sampling;
import io.gatun.model.generate.Session;
import io.gatun.model.precision.Compute;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library's face, as a service uses it. */
class LanguageModelTest {
    private static final GenerationRequest REQUEST =
            GenerationRequest.of(3, 1, 4, 1, 5, 9, 2, 6).maxTokens(24).ignoreEos(true);

    @TempDir
    private Path folder;

    /** mtp-mini with a tokenizer: the golden folder has none. */
    private LanguageModel open(LanguageModel.Options options) throws Exception {
        Path source = Golden.folder("mtp-mini");
        for (String name : List.of("config.json", "model.safetensors")) {
            if (!Files.exists(folder.resolve(name))) Files.copy(source.resolve(name), folder.resolve(name));
        }
        if (!Files.exists(folder.resolve("tokenizer.json"))) new ByteLevelTokenizer().write(folder);
        return LanguageModel.open(folder, options);
    }

    private LanguageModel open() throws Exception {
        return open(LanguageModel.Options.defaults().threads(2));
    }

    @Test
    void eightThreadsGetTheSameAnswersAsOne() throws Exception {
        try (LanguageModel model = open();
                var callers = Executors.newFixedThreadPool(8)) {
            int[][] expected = new int[8][];
            for (int i = 0; i < 8; i++) expected[i] = answer(model, i).ids();
            List<Future<GenerationResult>> answers = new ArrayList<>();
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 8; i++) {
                    int request = i;
                    answers.add(callers.submit(() -> answer(model, request)));
                }
            }
            for (int i = 0; i < answers.size(); i++) {
                assertThat(answers.get(i).get().ids()).isEqualTo(expected[i % 8]);
            }
        }
    }

    private static GenerationResult answer(LanguageModel model, int variant) {
        try (Session session = model.newSession(64)) {
            var sampling = Sampling.GREEDY.temperature(variant % 2).seed(variant);
            return session.generate(REQUEST.promptIds(variant, 7, 9).sampling(sampling), piece -> true);
        }
    }

    @Test
    void aBatchAnswersAsSessionsDo() throws Exception {
        try (LanguageModel model = open();
                BatchRunner runner = model.newBatchRunner(3, 64)) {
            List<CompletableFuture<GenerationResult>> answers = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                var sampling = Sampling.GREEDY.temperature(i % 2).seed(i);
                answers.add(runner.submit(REQUEST.promptIds(i, 7, 9).sampling(sampling), piece -> true));
            }
            for (int i = 0; i < 8; i++) {
                assertThat(answers.get(i).get().ids())
                        .isEqualTo(answer(model, i).ids());
            }
        }
    }

    @Test
    void aBatchReportsWhatGoesWrongToTheOneItConcerns() throws Exception {
        try (LanguageModel model = open();
                BatchRunner runner = model.newBatchRunner(2, 16)) {
            var tooLong = runner.submit(REQUEST.promptIds(new int[17]), piece -> true);
            var unknown = runner.submit(REQUEST.promptIds(80), piece -> true);
            var failing = runner.submit(REQUEST.promptIds(1, 2), piece -> {
                throw new IllegalStateException("the listener's own");
            });
            var failingAtTheEnd =
                    runner.submit(REQUEST.promptIds(1, 2).maxTokens(5).stop(List.of("\u0000\u0001")), piece -> {
                        if (piece.isEmpty()) return true;
                        throw new IllegalStateException("the listener's own");
                    });
            var good = runner.submit(REQUEST.promptIds(1, 2).maxTokens(5), piece -> true);
            assertThat(good.get().ids()).hasSize(5);
            assertThatThrownBy(tooLong::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasRootCauseInstanceOf(ModelException.class)
                    .hasMessageContaining("17 tokens do not fit into a sequence of 16 positions");
            assertThatThrownBy(unknown::get)
                    .hasRootCauseInstanceOf(ModelException.class)
                    .hasMessageContaining("token 80");
            assertThatThrownBy(failing::get).hasMessageContaining("the listener's own");
            assertThatThrownBy(failingAtTheEnd::get).hasMessageContaining("the listener's own");
            assertThat(runner.submit(REQUEST.promptIds(3).maxTokens(2), piece -> true)
                            .get()
                            .ids())
                    .hasSize(2);
        }
    }

    @Test
    void closingARunnerFailsWhatIsNotComplete() throws Exception {
        try (LanguageModel model = open()) {
            var started = new CountDownLatch(1);
            CompletableFuture<GenerationResult> running;
            try (BatchRunner runner = model.newBatchRunner(1, 96)) {
                running = runner.submit(REQUEST.maxTokens(80), piece -> {
                    started.countDown();
                    return true;
                });
                started.await();
            }
            if (!running.isCompletedExceptionally())
                assertThat(running.get().ids()).hasSize(80);
            assertThat(running).isDone();
        }
    }

    @Test
    void aConversationThatGrowsIsNotReadAnew() throws Exception {
        try (LanguageModel model = open();
                Session session = model.newSession()) {
            GenerationResult first = session.answer(REQUEST.promptIds(1, 2, 3, 4), piece -> true);
            assertThat(first.usage().cached()).isZero();
            int[] grown = new int[4 + first.ids().length + 2];
            System.arraycopy(new int[] {1, 2, 3, 4}, 0, grown, 0, 4);
            System.arraycopy(first.ids(), 0, grown, 4, first.ids().length);
            GenerationResult second = session.answer(REQUEST.promptIds(grown).maxTokens(8), piece -> true);
            assertThat(second.usage().cached()).isEqualTo(4 + first.ids().length - 1);
            assertThat(second.ids()).hasSize(8);
        }
    }

    @Test
    void misuseIsToldInASentence() throws Exception {
        LanguageModel model = open();
        Session session = model.newSession(8);
        assertThatThrownBy(model::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("1 sessions, scorers or batch runners of the model are open");
        assertThatThrownBy(() -> session.prefill(new int[9]))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("9 tokens after 0 do not fit into a session of 8 positions");
        assertThatThrownBy(session::prefill).hasMessageContaining("no tokens");
        assertThatThrownBy(() -> session.prefill(80)).hasMessageContaining("vocabulary of 80");
        assertThatThrownBy(() -> session.prefill(1, 2, -1)).hasMessageContaining("token 2 is -1");
        assertThat(session.length()).isZero();
        assertThatThrownBy(() -> model.newSession(97)).hasMessageContaining("1 to 96");
        for (int i = 0; i < 8; i++) session.step(i);
        assertThatThrownBy(() -> session.step(1)).hasMessageContaining("1 tokens after 8 do not fit");
        session.close();
        session.close();
        assertThatThrownBy(() -> session.step(1)).hasMessageContaining("the session is closed");
        model.close();
        model.close();
        assertThatThrownBy(model::newSession).hasMessageContaining("the model is closed");
    }

    @Test
    void aSecondCallerOfASessionIsRefused() throws Exception {
        try (LanguageModel model = open();
                Session session = model.newSession();
                var other = Executors.newSingleThreadExecutor()) {
            GenerationResult result = session.generate(REQUEST.maxTokens(6), piece -> {
                Future<?> second = other.submit(() -> session.step(1));
                assertThatThrownBy(second::get)
                        .hasRootCauseInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("serves one caller at a time");
                return true;
            });
            assertThat(result.ids()).hasSize(6);
        }
    }

    @Test
    void anAnswerEndsWhereTheSessionDoes() throws Exception {
        try (LanguageModel model = open();
                Session session = model.newSession(12)) {
            GenerationResult result = session.generate(REQUEST.maxTokens(Integer.MAX_VALUE), piece -> true);
            assertThat(result.finish()).isEqualTo(FinishReason.LENGTH);
            assertThat(session.length()).isEqualTo(12);
            assertThat(session.ids()).hasSize(12);
            try (Session fork = session.fork()) {
                assertThat(fork.length()).isEqualTo(12);
            }
        }
    }

    @Test
    void aListenerStopsTheAnswer() throws Exception {
        try (LanguageModel model = open();
                Session session = model.newSession()) {
            GenerationResult result = session.generate(REQUEST, piece -> false);
            assertThat(result.finish()).isEqualTo(FinishReason.CANCELLED);
            assertThat(result.ids().length).isLessThan(24);
        }
    }

    @Test
    void logProbabilitiesComeWithEachToken() throws Exception {
        try (LanguageModel model = open();
                Session session = model.newSession()) {
            GenerationResult result = session.generate(REQUEST.topLogProbs(3), piece -> true);
            assertThat(result.logProbs()).hasSameSizeAs(result.ids());
            for (int i = 0; i < result.ids().length; i++) { // greedy: the first of the most likely
                assertThat(result.logProbs().get(i).top().getFirst().id()).isEqualTo(result.ids()[i]);
            }
        }
    }

    @Test
    void aModelWithoutMtpCannotDraft() {
        var options = LanguageModel.Options.defaults().drafting(Drafting.of(1));
        assertThatThrownBy(() -> LanguageModel.open(Golden.folder("v3-mini"), options))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("no MTP module");
    }

    @Test
    void filesThatChangedAreNoticed() throws Exception {
        try (LanguageModel model = open()) {
            Path file = folder.resolve("model.safetensors");
            Files.write(file, new byte[] {0}, StandardOpenOption.APPEND);
            assertThatThrownBy(model::newSession)
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("model.safetensors");
        }
    }

    @Test
    void randomModelsOfEveryTypeRun() {
        for (DType dtype : new DType[] {DType.F32, DType.BF16, DType.F8_E4M3}) {
            var shape = Configs.builtIn("tiny");
            var options = LanguageModel.Options.defaults().threads(2);
            try (LanguageModel model = LanguageModel.random(shape, dtype, 1, options);
                    Session session = model.newSession(40)) {
                assertThat(model.compute()).isEqualTo(dtype == DType.F32 ? Compute.F32 : Compute.BF16);
                model.warmUp(8);
                session.prefill(1, 2, 3);
                var logits = session.step(4);
                for (int i = 0; i < logits.cols(); i++)
                    assertThat(logits.get(0, i)).isFinite();
            }
        }
    }
}
