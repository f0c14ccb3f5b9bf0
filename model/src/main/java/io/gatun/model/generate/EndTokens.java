package io.gatun.model.generate;

import io.gatun.model.ModelException;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The tokens that end a text; a model may have several, or none. */
public final class EndTokens {
    private static final String FIELD = "eos_token_id";
    private final int[] ids;

    private EndTokens(int... ids) {
        this.ids = ids;
    }

    /**
     * The {@code eos_token_id} of the folder's {@code generation_config.json}, a number or an array of them; where that has
     * none, of its {@code config.json}; where that is missing too, of {@code config}.
     *
     * @throws ModelException when a file has something else there, or an id beyond the vocabulary
     */
    public static EndTokens read(Path folder, ModelConfig config) {
        for (String name : List.of("generation_config.json", "config.json")) {
            Path file = folder.resolve(name);
            if (!Files.exists(file)) continue;
            JsonObject json = JsonObject.read(file);
            if (json.has(FIELD)) return of(json, config.vocabSize());
        }
        return of(config);
    }

    /** The one end token of {@code config}, or none. */
    public static EndTokens of(ModelConfig config) {
        return config.eosTokenId() < 0 ? new EndTokens() : new EndTokens(config.eosTokenId());
    }

    private static EndTokens of(JsonObject json, int vocabulary) {
        List<?> values = json.fields().get(FIELD) instanceof List<?> several ? several : List.of(json.integer(FIELD));
        int[] ids = new int[values.size()];
        for (int i = 0; i < ids.length; i++) {
            if (!(values.get(i) instanceof Number id) || id.intValue() != id.doubleValue()) {
                throw json.wrong(FIELD, "a whole number or an array of them");
            }
            ids[i] = id.intValue();
            if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw json.error(FIELD, "has " + ids[i] + "; ids go from 0 to " + (vocabulary - 1));
            }
        }
        return new EndTokens(ids);
    }

    /** Whether {@code id} ends a text. */
    public boolean contains(int id) {
        for (int end : ids) {
            if (end == id) return true;
        }
        return false;
    }

    /** The ids, in the file's order. */
    public int[] ids() {
        return ids.clone();
    }

    @Override
    public String toString() {
        return Arrays.toString(ids);
    }
}
