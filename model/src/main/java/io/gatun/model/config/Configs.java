package io.gatun.model.config;

import io.gatun.model.ModelException;
import io.gatun.model.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Configurations by name or file: {@code {"model": {fields of a Hugging Face config.json}, …}}, where other modules keep
 * objects of their own beside {@code model}; or a bare config.json.
 */
public final class Configs {
    /** The built-in names, smallest model first. */
    public static final List<String> NAMES =
            List.of("tiny", "small", "train-small", "train-bench", "dsv3-1b3", "v2-lite", "v3");

    private Configs() {}

    /**
     * The built-in model configuration of that name.
     *
     * @throws ModelException for an unknown name; the message lists the known ones
     */
    public static ModelConfig builtIn(String name) {
        return model(builtInTree(name));
    }

    /** The whole of a built-in configuration. */
    public static JsonObject builtInTree(String name) {
        try (InputStream resource = Configs.class.getResourceAsStream(name + ".json")) {
            if (resource == null) {
                throw new ModelException(
                        "there is no built-in configuration " + name + "; there are " + String.join(", ", NAMES));
            }
            String text = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
            return JsonObject.parse(text, "built-in configuration " + name);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the built-in configuration " + name, e);
        }
    }

    /** The whole of a configuration that is a built-in name or else a file. */
    public static JsonObject tree(String nameOrFile) {
        if (NAMES.contains(nameOrFile)) return builtInTree(nameOrFile);
        if (Files.exists(Path.of(nameOrFile))) return JsonObject.read(Path.of(nameOrFile));
        throw new ModelException(
                nameOrFile + " is neither a file nor a built-in configuration (" + String.join(", ", NAMES) + ")");
    }

    /** The model in a configuration: its {@code model} object, or the whole where there is none. */
    public static ModelConfig model(JsonObject tree) {
        return ModelConfigJson.parse(tree.object("model").orElse(tree));
    }
}
