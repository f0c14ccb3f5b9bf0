package io.gatun.trainer.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file's new text, written under a temporary name and moved over the old one, so that a reader sees either whole. */
final class Replacement {
    @FunctionalInterface
    interface Text {
        void writeTo(BufferedWriter out) throws IOException;
    }

    private Replacement() {}

    static void of(Path file, Text text) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        try (FileChannel channel = FileChannel.open(temporary, CREATE, TRUNCATE_EXISTING, WRITE);
                BufferedWriter out = new BufferedWriter(Channels.newWriter(channel, UTF_8))) {
            text.writeTo(out);
            out.flush();
            channel.force(true); // else a power cut after the move could leave an empty file
        }
        Files.move(temporary, file, ATOMIC_MOVE, REPLACE_EXISTING);
    }
}
