package io.gatun.trainer.loop;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** The tiny configuration on a text made up here: runs in a second or two. */
public final class TinyRun {
    private static final String[] WORDS = {
        "ship", "sea", "whale", "captain", "storm", "harpoon", "deck", "sail", "night", "water", "the", "of", "and",
        "a", "in"
    };

    private TinyRun() {}

    /** Writes sentences of seeded random words: some structure, so that a loss can fall. */
    public static Path text(Path folder, int sentences) throws IOException {
        var random = new SplittableRandom(99);
        StringBuilder text = new StringBuilder();
        for (int s = 0; s < sentences; s++) {
            int word = random.nextInt(WORDS.length);
            for (int i = 0; i < 9; i++) {
                text.append(WORDS[word]).append(i == 8 ? ".\n" : " ");
                word = (word * 7 + random.nextInt(3)) % WORDS.length;
            }
        }
        return Files.writeString(folder.resolve("text.txt"), text);
    }

    /** Short sequences, small batches; later sets win. */
    static List<String> sets(String... more) {
        List<String> sets = new ArrayList<>(List.of(
                "train.sequence_length=24",
                "train.batch_size=4",
                "train.batch_start=4",
                "train.micro_batch=2",
                "train.eval_every=1000",
                "train.checkpoint_every=1000"));
        sets.addAll(List.of(more));
        return sets;
    }

    /** Trains in {@code out} and gives the run's folder. */
    static RunFolder train(Path out, Path text, int threads, boolean resume, String recipe, List<String> sets) {
        RunConfig config = RunConfigJson.resolve("tiny", sets, recipe, 5);
        RunFolder folder = new RunFolder(out);
        try (RunSetup setup = new RunSetup(folder, new RunFiles(out, text, null, null, null), threads);
                TrainingRun run = setup.start(config, resume)) {
            run.run();
        }
        return folder;
    }
}
