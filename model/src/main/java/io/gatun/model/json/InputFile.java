package io.gatun.model.json;

import io.gatun.model.ModelException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * Files that somebody else made, looked at before they are opened: to open a pipe would wait for ever, and to read a file larger
 * than anything of its kind would fill the heap. Links are followed.
 */
public final class InputFile {
    private InputFile() {}

    /**
     * Returns quietly when {@code file} is a regular file.
     *
     * @throws ModelException when there is none of that name, or it is a folder, a pipe or a device
     */
    public static void require(Path file) {
        if (Files.isRegularFile(file)) return;
        if (Files.isDirectory(file)) throw new ModelException(file + " is a folder; a file was expected");
        if (Files.exists(file)) throw new ModelException(file + " is a pipe or a device; a file was expected");
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new ModelException(file + " is a link to what does not exist; a file was expected");
        }
        throw new ModelException("there is no file " + file);
    }

    /**
     * The whole contents.
     *
     * @param most the size above which no file of this kind is read, in bytes
     * @throws ModelException when it is no regular file, larger than {@code most}, or cannot be read
     */
    public static byte[] read(Path file, int most) {
        require(file);
        try {
            long size = Files.size(file);
            if (size > most) {
                throw new ModelException("%s has %,d bytes; at most %,d were expected".formatted(file, size, most));
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    /**
     * The text in bytes that should be UTF-8.
     *
     * @param source what to call it in errors
     * @throws ModelException with the place of the first byte that belongs to no character
     */
    public static String text(byte[] utf8, String source) {
        String lenient = new String(utf8, StandardCharsets.UTF_8);
        if (lenient.indexOf('\uFFFD') < 0) return lenient; // nothing was replaced
        ByteBuffer bytes = ByteBuffer.wrap(utf8);
        CharBuffer text = CharBuffer.allocate(utf8.length);
        CoderResult result = StandardCharsets.UTF_8.newDecoder().decode(bytes, text, true);
        if (result.isError()) throw new ModelException(source + " is no UTF-8 text: see its byte " + bytes.position());
        return text.flip().toString();
    }
}
