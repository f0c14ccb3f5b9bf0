package io.gatun.model.tokenizer;

import io.gatun.model.ModelException;
import io.gatun.model.json.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The files of a tokenizer, as they were read or made. They are kept in memory, since a training run writes them again
 * long after the folder they came from may be gone.
 */
final class SourceFiles {
    private static final String TOKENIZER = "tokenizer.json";
    private static final String CONFIG = "tokenizer_config.json";
    private static final List<String> BESIDE = List.of(CONFIG, "special_tokens_map.json", "chat_template.jinja");
    private static final int LONGEST_FILE = 64 << 20; // bytes; vocabularies of 260,000 tokens have half of that
    private final Map<String, byte[]> contents = new LinkedHashMap<>(); // by the name to write

    /** Files that do not exist yet. */
    SourceFiles(byte[] tokenizerJson, byte[] tokenizerConfig) {
        contents.put(TOKENIZER, tokenizerJson);
        contents.put(CONFIG, tokenizerConfig);
    }

    /** Reads {@code tokenizerJson}, whatever its name, and the files that usually lie beside it. */
    SourceFiles(Path tokenizerJson) {
        try {
            contents.put(TOKENIZER, InputFile.read(tokenizerJson, LONGEST_FILE));
            for (String name : BESIDE) {
                Path file = tokenizerJson.resolveSibling(name);
                if (Files.isRegularFile(file)) contents.put(name, InputFile.read(file, LONGEST_FILE));
            }
        } catch (ModelException e) {
            throw new TokenizerException(tokenizerJson + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** The text of tokenizer.json, which errors call {@code source}. */
    String tokenizerJson(String source) {
        try {
            return InputFile.text(contents.get(TOKENIZER), source);
        } catch (ModelException e) {
            throw new TokenizerException(e.getMessage(), e);
        }
    }

    void write(Path folder) {
        contents.forEach((name, bytes) -> {
            Path file = folder.resolve(name);
            try {
                Files.write(file, bytes);
            } catch (IOException e) {
                throw new TokenizerException(file + " cannot be written: " + e, e);
            }
        });
    }
}
