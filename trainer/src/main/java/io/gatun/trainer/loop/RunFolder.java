package io.gatun.trainer.loop;

import io.gatun.trainer.TrainerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A training run on disk: {@code checkpoints/step-00000100/} holds a complete Hugging Face folder and {@code trainer/}; the
 * Hugging Face files in the run folder itself are hard links, else copies, to the newest. A checkpoint is written under another
 * name, forced to disk and renamed once, so that one under its own name is always complete, whenever the process dies.
 */
public final class RunFolder {
    /** Writes a checkpoint's files into a folder. */
    @FunctionalInterface
    public interface Content {
        void write(Path folder) throws IOException;
    }

    private static final String STEP = "step-";
    private static final String UNFINISHED = ".unfinished-";

    private final Path root;
    private final Path checkpoints;

    public RunFolder(Path root) {
        this.root = root;
        checkpoints = root.resolve("checkpoints");
    }

    public Path root() {
        return root;
    }

    /** Whether there is anything of a run here. */
    public boolean exists() {
        return Files.exists(checkpoints) || Files.exists(root.resolve("config.json"));
    }

    /** The newest complete checkpoint. */
    public Optional<Path> newest() {
        List<Path> all = complete();
        return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
    }

    /** The step of a checkpoint folder. */
    public static long step(Path checkpoint) {
        return Long.parseLong(checkpoint.getFileName().toString().substring(STEP.length()));
    }

    /** Makes the folder, and removes what an interrupted write left. */
    public void prepare() {
        try {
            Files.createDirectories(checkpoints);
            try (Stream<Path> files = Files.list(checkpoints)) {
                for (Path left : files.filter(RunFolder::isUnfinished).toList()) delete(left);
            }
        } catch (IOException e) {
            throw new TrainerException("cannot write to " + root + ": " + reason(e), e);
        }
    }

    /**
     * Writes the checkpoint of {@code step}, links its files into the run folder, and removes all but the newest {@code keep}.
     * Does nothing when that step is already there.
     */
    public Path write(long step, int keep, Content content) {
        Path target = checkpoints.resolve(STEP + "%08d".formatted(step));
        if (Files.exists(target)) return target;
        Path unfinished = checkpoints.resolve(UNFINISHED + target.getFileName());
        try {
            if (Files.exists(unfinished)) delete(unfinished);
            Files.createDirectories(unfinished);
            content.write(unfinished);
            forceAll(unfinished);
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
            force(checkpoints);
            link(target);
            List<Path> all = complete();
            for (Path old : all.subList(0, Math.max(0, all.size() - keep))) delete(old);
            return target;
        } catch (IOException e) {
            throw new TrainerException("cannot write checkpoint " + target + ": " + reason(e), e);
        }
    }

    /** Makes the run folder's own Hugging Face files those of {@code checkpoint}: each is replaced by a rename. */
    public void link(Path checkpoint) {
        try (Stream<Path> files = Files.list(checkpoint)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path link = root.resolve(file.getFileName());
                Path next = root.resolve("." + file.getFileName() + ".next");
                Files.deleteIfExists(next);
                try {
                    Files.createLink(next, file);
                } catch (FileSystemException | UnsupportedOperationException noHardLinks) {
                    Files.copy(file, next);
                }
                Files.move(next, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                Files.deleteIfExists(next); // a rename onto another link of the same file does nothing
            }
        } catch (IOException e) {
            throw new TrainerException("cannot link " + checkpoint + " into " + root + ": " + reason(e), e);
        }
    }

    private List<Path> complete() {
        if (!Files.isDirectory(checkpoints)) return List.of();
        try (Stream<Path> files = Files.list(checkpoints)) {
            return files.filter(f -> f.getFileName().toString().matches(STEP + "\\d{8,}"))
                    .sorted(Comparator.comparingLong(RunFolder::step))
                    .toList();
        } catch (IOException e) {
            throw new TrainerException("cannot read " + checkpoints + ": " + reason(e), e);
        }
    }

    private static boolean isUnfinished(Path file) {
        return file.getFileName().toString().startsWith(UNFINISHED);
    }

    private static void forceAll(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) force(file);
        }
    }

    private static void force(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            if (!Files.isDirectory(file)) throw e; // some systems cannot open folders
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static String reason(IOException e) {
        String kind =
                e.getClass().getSimpleName().replaceFirst("Exception$", "").toLowerCase(Locale.ROOT);
        return e instanceof AtomicMoveNotSupportedException || e.getMessage() == null
                ? kind
                : kind + " " + e.getMessage();
    }
}
