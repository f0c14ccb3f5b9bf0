package io.gatun.trainer.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.trainer.TrainerException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The same seed gives the same bytes: for any number of threads, after a resume, after kills at any moment. */
class DeterminismTest {
    @TempDir
    private Path temporary;

    private Path text;

    @BeforeEach
    void makeText() throws IOException {
        text = TinyRun.text(temporary, 300);
    }

    @ParameterizedTest
    @ValueSource(strings = {"f32", "bf16"})
    void threadsDoNotChangeABit(String recipe) throws IOException {
        List<String> sets = TinyRun.sets("train.steps=4", "train.balance_alpha=0.01");
        byte[] one = model(TinyRun.train(temporary.resolve("one"), text, 1, false, recipe, sets)
                .root());
        byte[] two = model(TinyRun.train(temporary.resolve("two"), text, 2, false, recipe, sets)
                .root());
        byte[] three = model(TinyRun.train(temporary.resolve("three"), text, 3, false, recipe, sets)
                .root());
        assertThat(two).isEqualTo(one);
        assertThat(three).isEqualTo(one);
    }

    @Test
    void anotherSeedGivesAnotherModel() throws IOException {
        RunFolder here = TinyRun.train(temporary.resolve("a"), text, 2, false, "f32", TinyRun.sets("train.steps=1"));
        RunFolder there = TinyRun.train(temporary.resolve("b"), text, 2, false, "f32", TinyRun.sets("train.steps=2"));
        assertThat(model(there.root())).isNotEqualTo(model(here.root()));
    }

    @Test
    void killedRunsGoOnWithTheSameBits() throws Exception {
        int steps = 60;
        List<String> sets = TinyRun.sets("train.steps=" + steps, "train.checkpoint_every=3", "train.moments=BF16");
        byte[] unbroken = model(TinyRun.train(temporary.resolve("unbroken"), text, 2, false, "f32", sets)
                .root());
        Path out = temporary.resolve("killed");
        var random = new SplittableRandom(4711);
        int kills = 0;
        int exit = -1;
        for (int attempt = 0; attempt < 30 && exit != 0; attempt++) {
            Process child = start(out, sets);
            // 5 kills at random moments, before the first checkpoint and after; then it may finish
            boolean ended = child.waitFor(kills < 5 ? 900 + random.nextInt(2500) : 120_000, TimeUnit.MILLISECONDS);
            if (!ended) {
                child.destroyForcibly().waitFor();
                kills++;
                continue;
            }
            exit = child.exitValue();
            assertThat(exit)
                    .as("exit code, see " + temporary.resolve("child.log"))
                    .isZero();
        }
        assertThat(exit).isZero();
        assertThat(kills).as("kills").isPositive();
        assertThat(model(out)).isEqualTo(unbroken);
        assertThat(withoutTimes(out.resolve("metrics.csv")))
                .isEqualTo(withoutTimes(temporary.resolve("unbroken/metrics.csv")));
        try (Stream<Path> left = Files.list(out.resolve("checkpoints"))) {
            assertThat(left.map(p -> p.getFileName().toString())).noneMatch(name -> name.startsWith("."));
        }
    }

    private Process start(Path out, List<String> sets) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                "io.gatun.trainer.command.Main",
                "train",
                "--config=tiny",
                "--data=" + text,
                "--seed=5",
                "--threads=2",
                "--resume",
                "--out=" + out));
        for (String set : sets) command.add("--set=" + set);
        File log = temporary.resolve("child.log").toFile();
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start();
    }

    @Test
    void aRunThatIsThereIsNotOverwritten() throws IOException {
        Path out = temporary.resolve("run");
        List<String> sets = TinyRun.sets("train.steps=1");
        TinyRun.train(out, text, 1, false, "f32", sets);
        byte[] before = model(out);
        assertThatThrownBy(() -> TinyRun.train(out, text, 1, false, "f32", sets))
                .isInstanceOf(TrainerException.class)
                .hasMessageContaining("--resume");
        assertThatThrownBy(
                        () -> TinyRun.train(out, text, 1, true, "f32", TinyRun.sets("train.steps=1", "train.lr=1e-4")))
                .isInstanceOf(TrainerException.class)
                .hasMessageContaining("train.lr was 0.003 and is 1.0E-4");
        assertThat(model(out)).isEqualTo(before);
    }

    @Test
    void checkpointsBeyondTheNewestAreRemovedAndTheFolderLinksToTheLast() throws IOException {
        Path out = temporary.resolve("run");
        TinyRun.train(
                out,
                text,
                2,
                false,
                "f32",
                TinyRun.sets("train.steps=5", "train.checkpoint_every=1", "train.keep_checkpoints=2"));
        try (Stream<Path> kept = Files.list(out.resolve("checkpoints"))) {
            assertThat(kept.map(p -> p.getFileName().toString()).sorted())
                    .containsExactly("step-00000004", "step-00000005");
        }
        Path newest = out.resolve("checkpoints/step-00000005");
        for (String file : List.of("config.json", "model.safetensors", "tokenizer.json", "generation_config.json")) {
            assertThat(out.resolve(file)).as(file).hasSameBinaryContentAs(newest.resolve(file));
        }
        assertThat(newest.resolve("trainer/state.safetensors")).exists();
    }

    private static byte[] model(Path folder) throws IOException {
        return Files.readAllBytes(folder.resolve("model.safetensors"));
    }

    private static List<String> withoutTimes(Path csv) throws IOException { // the last column is tokens per second
        return Files.readAllLines(csv).stream()
                .map(line -> line.substring(0, line.lastIndexOf(',')))
                .toList();
    }
}
