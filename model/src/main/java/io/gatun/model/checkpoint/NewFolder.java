package io.gatun.model.checkpoint;

import io.gatun.model.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** A folder that is there whole or not at all: filled as {@code NAME.partial}, then renamed. */
final class NewFolder implements AutoCloseable {
    /** How the files start that a model has beside its weights and configuration, in lower case. */
    private static final List<String> TEXTS = List.of(
            "tokenizer",
            "special_tokens_map",
            "added_tokens",
            "vocab",
            "merges",
            "chat_template",
            "generation_config",
            "license",
            "licence",
            "notice",
            "readme");

    private final Path target;
    private final Path partial;
    private boolean finished;

    private NewFolder(Path target) {
        this.target = target;
        partial = target.resolveSibling(target.getFileName() + ".partial");
    }

    /**
     * Starts a folder.
     *
     * @param bytes that it will need at least
     * @throws ModelException when {@code target} exists and is not empty, or the disk has less room
     */
    static NewFolder create(Path target, long bytes) {
        NewFolder folder = new NewFolder(target.toAbsolutePath().normalize());
        try {
            if (Files.exists(folder.target) && !isEmpty(folder.target)) {
                throw new ModelException(target + " exists and is not empty; name a folder that is new");
            }
            Files.createDirectories(folder.target.getParent());
            folder.removePartial();
            long room = Files.getFileStore(folder.target.getParent()).getUsableSpace();
            if (room < bytes) {
                throw new ModelException(
                        "%s needs %,d bytes; its disk has room for %,d".formatted(target, bytes, room));
            }
            Files.createDirectory(folder.partial);
        } catch (IOException e) {
            throw new ModelException("cannot write " + target + ": " + e.getMessage(), e);
        }
        return folder;
    }

    private static boolean isEmpty(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) return false;
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isEmpty();
        }
    }

    /** Where to write until {@link #finish}. */
    Path path() {
        return partial;
    }

    /** Copies tokenizer, chat template, generation defaults and licence, where {@code model} has them. */
    void copyTextsFrom(Path model) {
        try (Stream<Path> files = Files.list(model)) {
            for (Path file : files.filter(NewFolder::isText).toList()) {
                Files.copy(file, partial.resolve(file.getFileName()));
            }
        } catch (IOException e) {
            throw new ModelException("cannot copy the texts of " + model + ": " + e.getMessage(), e);
        }
    }

    private static boolean isText(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return Files.isRegularFile(file)
                && (name.endsWith(".jinja") || TEXTS.stream().anyMatch(name::startsWith));
    }

    /** Gives the folder its name. */
    void finish() {
        try {
            DurableFile.forceFolder(partial);
            Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            finished = true;
            DurableFile.forceFolder(target.getParent());
        } catch (IOException e) {
            throw new ModelException("cannot write " + target + ": " + e.getMessage(), e);
        }
    }

    /** Removes what was written, unless it was finished. */
    @Override
    public void close() {
        if (finished) return;
        try {
            removePartial();
        } catch (IOException e) {
            throw new ModelException("cannot remove " + partial + ": " + e.getMessage(), e);
        }
    }

    /** Files only: a folder inside is not ours, and stops the removal. */
    private void removePartial() throws IOException {
        if (!Files.exists(partial)) return;
        try (Stream<Path> files = Files.list(partial)) {
            for (Path file : files.toList()) Files.delete(file);
        }
        Files.delete(partial);
    }
}
