package io.gatun.model.checkpoint;

import io.gatun.kernels.Fp8;
import io.gatun.model.ModelException;
import io.gatun.model.checkpoint.SafetensorsWriter.Declaration;
import io.gatun.model.config.Fp8Blocks;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Writes a Hugging Face folder again with weights of another type, in the layout of the released checkpoints: F32 throughout;
 * BF16 with F32 selection biases; or FP8, where the projections of attention and feed-forward networks are codes with a scale a
 * 128 x 128 block and the rest is as in BF16. FP8 weights that are there stay as they are. Tensors that the configuration does
 * not ask for are copied.
 *
 * <p>One tensor at a time passes through memory, a few rows of it at once. Codes become {@code code · scale}, an FP32 product,
 * for BF16 rounded to nearest, ties to even.
 */
public final class CheckpointConverter {
    /** The size above which a further file is started, unless another is asked for. */
    public static final long SHARD_BYTES = 4L << 30;

    private static final Fp8Blocks PUBLISHED_BLOCKS = new Fp8Blocks(128, 128, false);

    private final Checkpoint source;
    private final DType type;
    private final Fp8Blocks blocks;
    private final Map<String, Role> roles = new HashMap<>();

    private CheckpointConverter(Checkpoint source, DType type) {
        this.source = source;
        this.type = type;
        blocks = source.fp8Blocks().orElse(PUBLISHED_BLOCKS);
        Stream<ParameterSpec> copies =
                ModelParameters.copies(source.config()).stream().map(ModelParameters.Copy::spec);
        Stream.concat(ModelParameters.of(source.config()).stream(), copies)
                .forEach(spec -> roles.put(spec.name(), spec.role()));
    }

    /** Hears how far a conversion is. */
    @FunctionalInterface
    public interface Progress {
        /** So many bytes of tensors of {@code total} are written. */
        void wrote(long bytes, long total);
    }

    /**
     * Converts the folder {@code from} into {@code to}, which appears whole or not at all: until the end its name has {@code
     * .partial} behind it. What an interrupted conversion left under that name is removed.
     *
     * @param to must not exist, or be empty
     * @param type F32, BF16 or F8_E4M3
     * @param shardBytes the size above which a further file is started; a tensor is never cut
     * @throws ModelException when {@code from} is no whole model, or {@code to} holds something, or the disk is too small
     */
    public static void convert(Path from, Path to, DType type, long shardBytes, Progress progress) {
        if (type != DType.F32 && type != DType.BF16 && type != DType.F8_E4M3) {
            throw new ModelException("weights become F32, BF16 or F8_E4M3, and " + type + " was asked for");
        }
        try (Arena arena = Arena.ofShared()) {
            Checkpoint source = Checkpoint.open(from, arena);
            CheckpointConverter converter = new CheckpointConverter(source, type);
            List<Unit> units = converter.units();
            long total = units.stream().mapToLong(Unit::bytes).sum();
            try (NewFolder folder = NewFolder.create(to, total)) {
                converter.write(folder.path(), units, shardBytes, total, progress);
                DurableFile.write(folder.path().resolve(Checkpoint.CONFIG), Json.write(converter.config()) + "\n");
                folder.copyTextsFrom(from);
                folder.finish();
            }
        }
    }

    /** One tensor of the new folder, or a matrix of codes and its scales: what is written in one go, and not parted. */
    private record Unit(List<Declaration> declared, int width, Consumer<SafetensorsWriter> write) {
        long bytes() {
            return declared.stream().mapToLong(Declaration::bytes).sum();
        }
    }

    private void write(Path folder, List<Unit> units, long shardBytes, long total, Progress progress) {
        List<List<Unit>> shards = shards(units, shardBytes);
        Map<String, String> index = new TreeMap<>();
        long done = 0;
        for (int i = 0; i < shards.size(); i++) {
            source.checkUnchanged();
            String name = Shards.name(i + 1, shards.size());
            List<Declaration> declared = shards.get(i).stream()
                    .flatMap(unit -> unit.declared().stream())
                    .toList();
            declared.forEach(next -> index.put(next.name(), name));
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(folder.resolve(name), declared, Map.of("format", "pt"))) {
                for (Unit unit : shards.get(i)) {
                    unit.write().accept(writer);
                    done += unit.bytes();
                    progress.wrote(done, total);
                }
                writer.finish();
            }
        }
        if (shards.size() > 1) Shards.writeIndex(folder, index, total);
    }

    private static List<List<Unit>> shards(List<Unit> units, long most) {
        List<List<Unit>> shards = new ArrayList<>();
        long bytes = 0;
        for (Unit unit : units) {
            if (shards.isEmpty() || bytes + unit.bytes() > most) {
                shards.add(new ArrayList<>());
                bytes = 0;
            }
            shards.getLast().add(unit);
            bytes += unit.bytes();
        }
        // wide elements first, so that each starts at a multiple of its size
        shards.forEach(shard -> shard.sort(Comparator.comparingInt((Unit unit) -> -unit.width())));
        return shards;
    }

    /** What the new folder will hold, in the order in which the old files have it. */
    private List<Unit> units() {
        Comparator<String> byFile =
                Comparator.comparing(name -> source.file(name).path());
        return source.names().stream()
                .filter(name -> !isScaleOfKnown(name))
                .sorted(byFile.thenComparingLong(name -> source.entry(name).begin()))
                .map(this::unit)
                .toList();
    }

    private boolean isScaleOfKnown(String name) {
        if (!name.endsWith(Checkpoint.SCALE_SUFFIX)) return false;
        String weight = name.substring(0, name.length() - Checkpoint.SCALE_SUFFIX.length());
        return roles.containsKey(weight) && isFp8(source.entry(weight));
    }

    private Unit unit(String name) {
        SafetensorsEntry entry = source.entry(name);
        Role role = roles.get(name);
        if (role == null) return copied(entry);
        DType wanted = wanted(role);
        if (isFp8(entry)) {
            if (wanted != DType.F8_E4M3) return dequantised(entry, wanted);
            Unit codes = copied(entry);
            Unit scales = copied(source.entry(name + Checkpoint.SCALE_SUFFIX));
            return new Unit(
                    List.of(codes.declared().getFirst(), scales.declared().getFirst()),
                    codes.width(),
                    codes.write().andThen(scales.write()));
        }
        Tensor stored = source.tensor(name);
        if (stored.dtype() != DType.F32 && stored.dtype() != DType.BF16) {
            throw new ModelException("%s is %s in %s; a weight to convert is f32, bf16 or f8_e4m3"
                    .formatted(name, entry, source.file(name).path().getFileName()));
        }
        if (wanted == DType.F8_E4M3) return quantised(name, stored);
        return new Unit(
                List.of(new Declaration(name, wanted, entry.shape())), wanted.bytes(), writer -> writer.write(stored));
    }

    private DType wanted(Role role) {
        if (type == DType.F32) return DType.F32;
        return switch (role) {
            case SELECTION_BIAS -> DType.F32;
            case ATTENTION, DENSE_FFN, EXPERT, SHARED_EXPERT -> type;
            case EMBEDDING, HEAD, GATE, MTP_PROJECTION, NORM -> DType.BF16;
        };
    }

    private static boolean isFp8(SafetensorsEntry entry) {
        return entry.type().equals(DType.F8_E4M3.name());
    }

    private Unit copied(SafetensorsEntry entry) {
        long bytes = entry.end() - entry.begin();
        Declaration declared = new Declaration(entry.name(), entry.type(), bytes, entry.shape());
        return new Unit(
                List.of(declared),
                Math.max(1, entry.elementBytes()),
                writer -> writer.writeBytes(source.file(entry.name()).bytes(entry)));
    }

    private Unit dequantised(SafetensorsEntry entry, DType wanted) {
        Tensor codes = source.tensor(entry.name());
        Tensor scales = source.scales(entry.name());
        return new Unit(List.of(new Declaration(entry.name(), wanted, entry.shape())), wanted.bytes(), writer -> {
            try (Arena arena = Arena.ofConfined()) {
                Tensor slab = Tensor.zeros(arena, DType.F32, slabRows(codes), codes.cols());
                for (int r = 0, block = 0; r < codes.rows(); r += slab.rows(), block++) {
                    Tensor part = codes.slice(r, Math.min(codes.rows(), r + slab.rows()));
                    Tensor values = slab.slice(0, part.rows());
                    Conversion.dequantize(part, scales.slice(block, block + 1), blocks.rows(), blocks.cols(), values);
                    writer.writeRows(values);
                }
            }
        });
    }

    private Unit quantised(String name, Tensor stored) {
        long scaleRows = Math.ceilDiv(stored.rows(), blocks.rows());
        long scaleCols = Math.ceilDiv(stored.cols(), blocks.cols());
        Declaration codes = new Declaration(name, DType.F8_E4M3, stored.shape());
        Declaration factors = new Declaration(name + Checkpoint.SCALE_SUFFIX, DType.F32, scaleRows, scaleCols);
        return new Unit(List.of(codes, factors), DType.F8_E4M3.bytes(), writer -> {
            try (Arena arena = Arena.ofConfined()) {
                Tensor scales = Tensor.zeros(arena, DType.F32, scaleRows, scaleCols);
                Tensor slab = Tensor.zeros(arena, DType.F8_E4M3, slabRows(stored), stored.cols());
                for (int r = 0, block = 0; r < stored.rows(); r += slab.rows(), block++) {
                    Tensor part = stored.slice(r, Math.min(stored.rows(), r + slab.rows()));
                    Tensor values = slab.slice(0, part.rows());
                    Fp8.quantizeBlocks(
                            new BlockScaled(values, scales.slice(block, block + 1), blocks.rows(), blocks.cols()),
                            part);
                    writer.writeRows(values);
                }
                writer.write(scales);
            }
        });
    }

    /** Rows that are converted at once: those that share scales. */
    private int slabRows(Tensor matrix) {
        return Math.min(matrix.rows(), blocks.rows());
    }

    private Map<String, Object> config() {
        Map<String, Object> fields = new LinkedHashMap<>();
        JsonObject.read(source.folder().resolve(Checkpoint.CONFIG))
                .fields()
                .forEach((name, value) -> fields.put(name.toString(), value));
        String name = type == DType.F32 ? "float32" : "bfloat16";
        fields.put("torch_dtype", name);
        if (fields.containsKey("dtype")) fields.put("dtype", name); // what newer transformers write
        if (type != DType.F8_E4M3) {
            fields.remove("quantization_config");
        } else if (source.fp8Blocks().isEmpty()) {
            Map<String, Object> quantization = new LinkedHashMap<>();
            quantization.put("activation_scheme", "dynamic");
            quantization.put("fmt", "e4m3");
            quantization.put("quant_method", "fp8");
            quantization.put("weight_block_size", List.of(blocks.rows(), blocks.cols()));
            fields.put("quantization_config", quantization);
        }
        return fields;
    }
}
