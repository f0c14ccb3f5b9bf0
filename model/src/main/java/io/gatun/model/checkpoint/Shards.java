package io.gatun.model.checkpoint;

import io.gatun.model.ModelException;
import io.gatun.model.json.Excerpt;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** The files that a folder's weights are spread over, and their names. */
final class Shards {
    static final String SINGLE = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

    private Shards() {}

    /** The name of shard {@code number} (from 1) of {@code count}. */
    static String name(int number, int count) {
        return count == 1 ? SINGLE : "model-%05d-of-%05d.safetensors".formatted(number, count);
    }

    /**
     * Writes the index.
     *
     * @param files the file of each tensor, by the tensor's name
     * @param bytes of all tensors
     */
    static void writeIndex(Path folder, Map<String, String> files, long bytes) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("metadata", Map.of("total_size", bytes));
        fields.put("weight_map", files);
        DurableFile.write(folder.resolve(INDEX), Json.write(fields) + "\n");
    }

    /** Opens a folder's files: the single one, else those of the index. The file of each tensor, by the tensor's name. */
    static Map<String, SafetensorsFile> open(Path folder, Arena arena, boolean copied) {
        if (Files.exists(folder.resolve(SINGLE))) {
            SafetensorsFile file = SafetensorsFile.open(folder.resolve(SINGLE), arena, copied);
            Map<String, SafetensorsFile> files = new LinkedHashMap<>();
            file.names().forEach(name -> files.put(name, file));
            return files;
        }
        if (!Files.exists(folder.resolve(INDEX))) {
            throw new ModelException("there is neither " + SINGLE + " nor " + INDEX + " in " + folder);
        }
        return indexed(folder, JsonObject.read(folder.resolve(INDEX)), arena, copied);
    }

    private static Map<String, SafetensorsFile> indexed(Path folder, JsonObject index, Arena arena, boolean copied) {
        JsonObject map = index.object("weight_map").orElseThrow(() -> index.error("weight_map", "is missing"));
        Map<String, SafetensorsFile> shards = new HashMap<>();
        Map<String, SafetensorsFile> files = new LinkedHashMap<>();
        for (Object key : map.fields().keySet()) {
            String name = key.toString();
            String shard = map.text(name);
            SafetensorsFile file = shards.get(shard);
            if (file == null) {
                file = SafetensorsFile.open(beside(folder, map, name, shard), arena, copied);
                shards.put(shard, file);
            }
            if (!file.has(name)) {
                throw new ModelException("%s says that %s is in %s; there is none there"
                        .formatted(index.source(), Excerpt.of(name), shard));
            }
            files.put(name, file);
        }
        return files;
    }

    private static Path beside(Path folder, JsonObject map, String name, String shard) {
        if (!isPlainName(shard)) throw map.wrong(name, "the name of a file beside the index");
        Path file = folder.resolve(shard);
        if (Files.exists(file)) return file;
        throw map.error(name, "is in " + Excerpt.of(shard) + ", says the index, and there is no such file beside it");
    }

    /** Whether a name stays in its folder on any system, and is one that this system can have. */
    private static boolean isPlainName(String name) {
        if (name.isEmpty() || name.equals(".") || name.equals("..")) return false;
        if (name.contains("/") || name.contains("\\") || name.contains(":")) return false;
        try {
            return Path.of(name).getNameCount() == 1;
        } catch (InvalidPathException e) {
            return false;
        }
    }
}
