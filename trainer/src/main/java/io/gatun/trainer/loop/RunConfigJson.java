package io.gatun.trainer.loop;

import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfigJson;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.DType;
import io.gatun.trainer.TrainerException;
import io.gatun.trainer.schedule.TrainConfig;
import io.gatun.trainer.schedule.TrainConfigJson;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@link RunConfig} as JSON: {@code {"model": {config.json fields}, "train": {…}}}, by built-in name or file, with single
 * fields set on the command line. A run keeps its own as {@code run.json}, which is a configuration file again.
 */
public final class RunConfigJson {
    private RunConfigJson() {}

    /**
     * The configuration {@code nameOrFile} with {@code sets} applied, each {@code model.FIELD=VALUE} or {@code train.FIELD=VALUE}
     * with a JSON value (text needs no quotes).
     *
     * @throws TrainerException for a set that is none of these
     */
    public static RunConfig resolve(String nameOrFile, List<String> sets, String recipe, long seed) {
        JsonObject file = Configs.tree(nameOrFile);
        Map<String, Object> model = copy(file.object("model").orElse(file).fields());
        Map<String, Object> train = new LinkedHashMap<>();
        file.object("train").ifPresent(t -> train.putAll(copy(t.fields())));
        for (String set : sets) {
            int equals = set.indexOf('=');
            int dot = set.indexOf('.');
            String part = dot < 0 || dot > equals ? "" : set.substring(0, dot);
            if (!part.equals("model") && !part.equals("train")) {
                throw new IllegalArgumentException("--set " + set + " must be model.FIELD=VALUE or train.FIELD=VALUE");
            }
            (part.equals("model") ? model : train)
                    .put(set.substring(dot + 1, equals), value(set.substring(equals + 1)));
        }
        return new RunConfig(
                name(nameOrFile),
                ModelConfigJson.parse(JsonObject.of(model, file.source())),
                TrainConfigJson.parse(train, file.source()),
                recipe,
                seed);
    }

    /** The configuration that a run kept in {@code file}. */
    public static RunConfig read(Path file) {
        JsonObject json = JsonObject.read(file);
        TrainConfig train = TrainConfigJson.parse(
                json.object("train")
                        .orElseThrow(() -> json.error("train", "is missing"))
                        .fields(),
                json.source());
        return new RunConfig(json.text("name"), Configs.model(json), train, json.text("recipe"), seed(json));
    }

    private static long seed(JsonObject json) { // a double has too few bits
        if (json.fields().get("seed") instanceof Number seed) return seed.longValue();
        throw json.wrong("seed", "a whole number");
    }

    /** {@code config} as {@link #read} reads it. */
    public static String write(RunConfig config) {
        return Json.write(tree(config));
    }

    /** The fields of {@code config}. */
    public static Map<String, Object> tree(RunConfig config) {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("name", config.name());
        tree.put("recipe", config.recipe());
        tree.put("seed", config.seed());
        tree.put("model", ModelConfigJson.fields(config.model(), DType.F32));
        tree.put("train", TrainConfigJson.tree(config.train()));
        return tree;
    }

    private static String name(String nameOrFile) {
        return Path.of(nameOrFile).getFileName().toString().replaceFirst("\\.json$", "");
    }

    private static Object value(String text) {
        if (text.matches("-?[0-9.].*|true|false|null|[\\[{\"].*")) return Json.parse(text, "--set value " + text);
        return text;
    }

    private static Map<String, Object> copy(Map<?, ?> fields) {
        Map<String, Object> copy = new LinkedHashMap<>();
        fields.forEach((name, value) -> copy.put((String) name, value));
        return copy;
    }
}
