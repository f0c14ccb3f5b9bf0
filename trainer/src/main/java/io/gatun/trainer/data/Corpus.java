package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a run learns from and what it is measured on; the two share no passage unless the user gives the same text twice.
 *
 * @param notice the licence notice that must stay with the text and what is made of it, where there is one
 */
public record Corpus(TextSource train, TextSource heldOut, Optional<String> notice) {
    /** The built-in WordNet dictionary, its training lines in the order of {@code seed}. */
    public static Corpus dictionary(long seed) {
        WordNetDictionary dictionary = WordNetDictionary.onClassPath();
        return new Corpus(dictionary.training(seed), dictionary.heldOut(), Optional.of(dictionary.notice()));
    }

    /** Text files of which a twentieth is held out, as {@link TextFiles} says. */
    public static Corpus of(Path data) {
        TextFiles files = TextFiles.at(data);
        return new Corpus(files.training(), files.heldOut(), Optional.empty());
    }

    /** All of {@code data} to learn from and all of {@code valid} to be measured on. */
    public static Corpus of(Path data, Path valid) {
        return new Corpus(TextFiles.at(data).all(), TextFiles.at(valid).all(), Optional.empty());
    }

    /** Learns from the first {@code bytes} bytes only; the measure stays the same. */
    public Corpus limitedTo(long bytes) {
        return new Corpus(train.first(bytes), heldOut, notice);
    }

    /** Writes both texts as plain files, for other programs to learn from. */
    public void writeTo(Path trainFile, Path heldOutFile) {
        train.writeTo(trainFile);
        heldOut.writeTo(heldOutFile);
    }

    /** Writes the file NOTICE into {@code folder}, where the text has a notice. */
    public void writeNotice(Path folder) {
        if (notice.isEmpty()) return;
        Path file = folder.resolve("NOTICE");
        try {
            Files.writeString(file, notice.get(), UTF_8);
        } catch (IOException e) {
            throw DataException.writing(file, e);
        }
    }
}
