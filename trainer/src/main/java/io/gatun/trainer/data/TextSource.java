package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Documents in a fixed order, each handed over in one or more passages, so that no file needs to fit into memory. */
public interface TextSource {
    /** What to call it in a message. */
    String name();

    /** Differs whenever the text may differ; reads no text. */
    String fingerprint();

    Joining joining();

    /**
     * Hands all passages to {@code reader}, the same ones in the same order at each call.
     *
     * @throws DataException when a file cannot be read or is no text
     */
    void read(Reader reader);

    /** Takes passages. */
    @FunctionalInterface
    interface Reader {
        /**
         * Takes the next passage.
         *
         * @param document the same number for passages that follow each other without a gap, another for a new document
         * @return whether to go on
         */
        boolean passage(long document, String text);
    }

    /** The first {@code bytes} bytes of this text in UTF-8; fewer when a character would be cut. */
    default TextSource first(long bytes) {
        return new FirstBytes(this, bytes);
    }

    /**
     * Writes the bytes of the text, without separators, to {@code file}.
     *
     * @throws DataException when the text cannot be read or the file not written
     */
    default void writeTo(Path file) {
        try (OutputStream out = Files.newOutputStream(file)) {
            read((_, text) -> {
                try {
                    out.write(text.getBytes(UTF_8));
                    return true;
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        } catch (IOException e) {
            throw DataException.writing(file, e);
        } catch (UncheckedIOException e) {
            throw DataException.writing(file, e.getCause());
        }
    }
}
