package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * UTF-8 text of the user's: one file, or all files of a folder and the folders in it, in the order of their names. A file is
 * one document; a {@code .jsonl} or {@code .ndjson} file has one a line, in the field {@code text}.
 *
 * <p>Of a folder, hidden files and those whose ending is in {@link #SKIPPED} are left out; any other file that is no text is
 * an error.
 *
 * <p>Held out is every 20th document where there are 200 or more; else every 20th block of whole lines of 2 KB (less for a
 * short text: a hundredth of it, at least 64 bytes). Lines longer than four blocks are cut. What is left to learn from around
 * a held-out block counts as two documents.
 */
public final class TextFiles {
    /** Endings of files in a folder that hold no text to learn from. */
    public static final Set<String> SKIPPED =
            Set.of(("7z avi bin bmp bz2 class dll doc docx epub exe flac gif gz ico jar jpeg jpg mov mp3 mp4 npy npz "
                            + "o odt ogg parquet pdf png pptx pt pyc rar safetensors so tar tiff ttf wav webm webp woff woff2 "
                            + "xlsx xz zip zst")
                    .split(" "));

    private static final Set<String> JSON_LINES = Set.of("jsonl", "ndjson");
    private static final int MANY_DOCUMENTS = 10 * Selection.HELD_OUT_EVERY;

    private final Path root;
    private final List<Path> files;

    private TextFiles(Path root, List<Path> files) {
        this.root = root;
        this.files = files;
    }

    /**
     * The text at {@code root}, a file or a folder.
     *
     * @throws DataException when it is not there or holds no files
     */
    public static TextFiles at(Path root) {
        try {
            if (!Files.isDirectory(root)) {
                root.getFileSystem().provider().checkAccess(root);
                return new TextFiles(root, List.of(root));
            }
            try (Stream<Path> tree = Files.walk(root, FileVisitOption.FOLLOW_LINKS)) {
                List<Path> files = tree.filter(Files::isRegularFile)
                        .filter(file -> isText(root.relativize(file)))
                        .sorted(Comparator.comparing(file -> unixName(root, file)))
                        .toList();
                if (files.isEmpty()) throw new DataException("the folder " + root + " has no text files");
                return new TextFiles(root, files);
            }
        } catch (UncheckedIOException e) {
            throw DataException.reading(root, e.getCause());
        } catch (IOException e) {
            throw DataException.reading(root, e);
        }
    }

    /** All of the text. */
    public TextSource all() {
        return new Part(Selection.Share.ALL);
    }

    /** The text without its held-out part. */
    public TextSource training() {
        return new Part(Selection.Share.TRAINING);
    }

    /** The held-out part. */
    public TextSource heldOut() {
        return new Part(Selection.Share.HELD_OUT);
    }

    private static boolean isText(Path relative) {
        for (Path part : relative) {
            if (part.toString().startsWith(".")) return false;
        }
        return !SKIPPED.contains(ending(relative));
    }

    private static String ending(Path file) {
        String name = file.getFileName().toString();
        return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    }

    private static String unixName(Path root, Path file) {
        return root.equals(file)
                ? file.getFileName().toString()
                : root.relativize(file).toString().replace('\\', '/');
    }

    private static InputStream open(Path file) {
        try {
            return Files.newInputStream(file);
        } catch (IOException e) {
            throw DataException.reading(file, e);
        }
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    /** How large a block is, or {@link Selection#WHOLE} where documents stay whole. */
    private int blockBytes() {
        long documents = 0;
        long bytes = 0;
        for (Path file : files) {
            bytes += size(file);
            if (JSON_LINES.contains(ending(file))) {
                try (JsonLines lines = new JsonLines(file.toString(), open(file))) {
                    documents += lines.count();
                }
            } else {
                documents++;
            }
        }
        return documents >= MANY_DOCUMENTS ? Selection.WHOLE : Math.clamp(bytes / 100, 64, 2048);
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw DataException.reading(file, e);
        }
    }

    private final class Part implements TextSource {
        private final Selection.Share share;

        Part(Selection.Share share) {
            this.share = share;
        }

        @Override
        public String name() {
            return share == Selection.Share.HELD_OUT ? "the held-out part of " + root : root.toString();
        }

        @Override
        public String fingerprint() {
            var text = new StringBuilder(share.name());
            for (Path file : files) {
                try {
                    text.append('\n').append(unixName(root, file)).append(' ').append(Files.size(file));
                    text.append(' ').append(Files.getLastModifiedTime(file).toInstant());
                } catch (IOException e) {
                    throw DataException.reading(file, e);
                }
            }
            return sha256(text.toString());
        }

        @Override
        public Joining joining() {
            return Joining.SEPARATOR_TOKEN;
        }

        @Override
        public void read(Reader reader) {
            var selection = new Selection(share, share == Selection.Share.ALL ? Selection.WHOLE : blockBytes(), reader);
            for (Path file : files) {
                if (JSON_LINES.contains(ending(file))) {
                    try (JsonLines lines = new JsonLines(file.toString(), open(file))) {
                        for (String text = lines.next(); text != null; text = lines.next()) {
                            InputStream bytes = new ByteArrayInputStream(text.getBytes(UTF_8));
                            if (!selection.document(lines.place(), bytes)) return;
                        }
                    }
                } else if (!selection.document(file.toString(), open(file))) {
                    return;
                }
            }
        }
    }
}
