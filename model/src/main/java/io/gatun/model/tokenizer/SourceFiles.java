package io.gatun.model.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The files of a tokenizer as they were read. They are kept in memory, since a training run writes them again long after
 * the folder they came from may be gone.
 */
final class SourceFiles {
    private static final String TOKENIZER = "tokenizer.json";
    private static final List<String> BESIDE =
            List.of("tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja");
    private final Map<String, byte[]> contents = new LinkedHashMap<>(); // by the name to write

    /** Reads {@code tokenizerJson}, whatever its name, and the files that usually lie beside it. */
    SourceFiles(Path tokenizerJson) {
        try {
            contents.put(TOKENIZER, Files.readAllBytes(tokenizerJson));
            for (String name : BESIDE) {
                Path file = tokenizerJson.resolveSibling(name);
                if (Files.isRegularFile(file)) contents.put(name, Files.readAllBytes(file));
            }
        } catch (NoSuchFileException e) {
            throw new TokenizerException(tokenizerJson + ": there is no such file", e);
        } catch (IOException e) {
            throw new TokenizerException(tokenizerJson + " cannot be read: " + e, e);
        }
    }

    byte[] tokenizerJson() {
        return contents.get(TOKENIZER);
    }

    void write(Path folder) {
        contents.forEach((name, bytes) -> write(folder.resolve(name), bytes));
    }

    static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new TokenizerException(file + " cannot be written: " + e, e);
        }
    }
}
