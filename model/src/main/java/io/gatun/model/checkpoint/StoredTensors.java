package io.gatun.model.checkpoint;

import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a checkpoint's files hold, by part of the model and element type.
 *
 * @param groups by part in the order of {@link Part}, then by type
 * @param files how many files there are
 * @param bytes of all tensors
 */
public record StoredTensors(List<Group> groups, int files, long bytes) {
    /** A part of a model, as its memory is looked at. */
    public enum Part {
        EMBEDDING,
        ATTENTION,
        EXPERTS,
        SHARED_EXPERTS,
        DENSE_FFN,
        /** Expert vectors and selection biases. */
        GATES,
        NORMS,
        HEAD,
        /** All of the MTP modules, copies of embedding and head included. */
        MTP,
        /** Of FP8 weights, wherever they are. */
        SCALES,
        /** What the configuration does not ask for. */
        UNUSED
    }

    /**
     * The tensors of one part and one type.
     *
     * @param type the element type's name in the files
     */
    public record Group(Part part, String type, int tensors, long bytes) {}

    /** Looks at all tensors' descriptions; no weight is touched. */
    public static StoredTensors of(Checkpoint checkpoint) {
        Map<String, Part> parts = parts(checkpoint);
        Map<Part, Map<String, Group>> groups = new TreeMap<>();
        Set<SafetensorsFile> files = new LinkedHashSet<>();
        long all = 0;
        for (String name : checkpoint.names()) {
            SafetensorsEntry entry = checkpoint.entry(name);
            Part part = parts.getOrDefault(name, Part.UNUSED);
            long bytes = entry.end() - entry.begin();
            groups.computeIfAbsent(part, _ -> new TreeMap<>())
                    .merge(entry.type(), new Group(part, entry.type(), 1, bytes), StoredTensors::sum);
            files.add(checkpoint.file(name));
            all += bytes;
        }
        List<Group> sorted = new ArrayList<>();
        groups.values().forEach(types -> sorted.addAll(types.values()));
        return new StoredTensors(List.copyOf(sorted), files.size(), all);
    }

    private static Group sum(Group a, Group b) {
        return new Group(a.part(), a.type(), a.tensors() + b.tensors(), a.bytes() + b.bytes());
    }

    private static Map<String, Part> parts(Checkpoint checkpoint) {
        Map<String, Part> parts = new HashMap<>();
        List<ParameterSpec> specs = ModelParameters.of(checkpoint.config());
        int main = ModelParameters.mainCount(checkpoint.config());
        for (int i = 0; i < specs.size(); i++) {
            ParameterSpec spec = specs.get(i);
            parts.put(spec.name(), i < main ? part(spec.role()) : Part.MTP);
            parts.put(spec.name() + Checkpoint.SCALE_SUFFIX, Part.SCALES);
        }
        ModelParameters.copies(checkpoint.config())
                .forEach(copy -> parts.put(copy.spec().name(), Part.MTP));
        return parts;
    }

    private static Part part(Role role) {
        return switch (role) {
            case EMBEDDING -> Part.EMBEDDING;
            case HEAD -> Part.HEAD;
            case ATTENTION -> Part.ATTENTION;
            case DENSE_FFN -> Part.DENSE_FFN;
            case EXPERT -> Part.EXPERTS;
            case SHARED_EXPERT -> Part.SHARED_EXPERTS;
            case GATE, SELECTION_BIAS -> Part.GATES;
            case NORM -> Part.NORMS;
            case MTP_PROJECTION -> Part.MTP;
        };
    }

    /** The type that most bytes of {@code part} have; empty text when there is none. */
    public String typeOf(Part part) {
        String type = "";
        long most = -1;
        for (Group group : groups) {
            if (group.part() != part || group.bytes() <= most) continue;
            type = group.type();
            most = group.bytes();
        }
        return type;
    }

    /** Bytes of one part, all types. */
    public long bytesOf(Part part) {
        return groups.stream()
                .filter(group -> group.part() == part)
                .mapToLong(Group::bytes)
                .sum();
    }
}
