package io.gatun.model.checkpoint;

import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a safetensors file tensor by tensor: the header first, then the data in the order that was declared. The file has
 * its name only after {@link #finish}; {@link #close} without it leaves nothing. Used by one
 * thread. Equal tensors give equal bytes.
 */
public final class SafetensorsWriter implements AutoCloseable {
    private static final int ALIGNMENT = 64; // of the data's start: rows of usual sizes then start at cache lines
    private static final long CHUNK = 1 << 20; // bytes converted or handed over at once

    private final Path path;
    private final DurableFile file;
    private final List<Declaration> declared;
    private int written; // of the declared tensors
    private long rowsWritten; // of the next one, when it is written in parts
    private final Arena arena = Arena.ofConfined();
    private MemorySegment scratch; // made for the first tensor that needs conversion

    /**
     * What the file will hold under a name.
     *
     * @param element the element type's name in the file
     * @param bytes of the whole tensor
     */
    public record Declaration(String name, String element, long bytes, long... shape) {
        public Declaration(String name, DType type, long... shape) {
            this(name, type.name(), bytes(type, shape), shape);
        }

        private static long bytes(DType type, long[] shape) {
            long bytes = type.bytes();
            for (long size : shape) bytes = Math.multiplyExact(bytes, size);
            return bytes;
        }

        /** The number of dimensions but the last, multiplied: what {@link #writeRows} counts. */
        private long rows() {
            long rows = 1;
            for (int i = 0; i < shape.length - 1; i++) rows *= shape[i];
            return rows;
        }

        @Override
        public String toString() {
            return name + " " + Arrays.toString(shape);
        }
    }

    private SafetensorsWriter(Path path, List<Declaration> declared, Map<String, String> metadata) {
        this.path = path;
        this.declared = declared;
        ByteBuffer header = header(declared, metadata);
        file = DurableFile.create(path);
        file.write(header);
    }

    /** Starts a file that will hold {@code declared}, in that order. */
    public static SafetensorsWriter create(Path path, List<Declaration> declared, Map<String, String> metadata) {
        return new SafetensorsWriter(path, declared, metadata);
    }

    /** Writes a whole file, every tensor as it is, in the map's order. */
    public static void write(Path path, Map<String, Tensor> tensors) {
        write(path, tensors, Map.of());
    }

    /** Writes a whole file with texts beside the tensors. */
    public static void write(Path path, Map<String, Tensor> tensors, Map<String, String> metadata) {
        List<Declaration> declared = tensors.entrySet().stream()
                .map(entry -> new Declaration(
                        entry.getKey(),
                        entry.getValue().dtype(),
                        entry.getValue().shape()))
                .toList();
        try (SafetensorsWriter writer = create(path, declared, metadata)) {
            tensors.values().forEach(writer::write);
            writer.finish();
        }
    }

    /** The first bytes of a file: the length of the header, the header. */
    static ByteBuffer header(List<Declaration> declared, Map<String, String> metadata) {
        Map<String, Object> fields = new LinkedHashMap<>();
        if (!metadata.isEmpty()) fields.put("__metadata__", new TreeMap<>(metadata));
        long at = 0;
        for (Declaration next : declared) {
            List<Long> offsets = List.of(at, at += next.bytes());
            List<Long> shape = Arrays.stream(next.shape()).boxed().toList();
            Map<String, Object> described = new LinkedHashMap<>(); // ordered, so that equal tensors give equal files
            described.put("dtype", next.element());
            described.put("shape", shape);
            described.put("data_offsets", offsets);
            if (fields.put(next.name(), described) != null) {
                throw new ModelException("two tensors are called " + next.name());
            }
        }
        byte[] text = Json.writeCompact(fields).getBytes(StandardCharsets.UTF_8);
        int padded = (text.length + 8 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - 8;
        ByteBuffer header = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(padded).put(text);
        while (header.hasRemaining()) header.put((byte) ' ');
        return header.flip();
    }

    /**
     * Writes the next declared tensor, converted to the declared type (BF16 is rounded to nearest, ties to even).
     *
     * @throws ModelException when its shape is not the declared one
     */
    public void write(Tensor tensor) {
        if (written == declared.size()) {
            throw new ModelException(path + " has all its tensors; there is one more, " + tensor);
        }
        Declaration next = declared.get(written);
        if (!Arrays.equals(tensor.shape(), next.shape())) {
            throw new ModelException("%s: the tensor for %s is %s".formatted(path, next, tensor));
        }
        put(tensor, DType.valueOf(next.element()));
        written++;
    }

    /**
     * Writes the next rows of the next declared tensor, a matrix, converted as {@link #write} does.
     *
     * @throws ModelException when its rows are others than the declared ones, or more
     */
    public void writeRows(Tensor rows) {
        Declaration next = declared.get(written);
        rowsWritten += rows.rows();
        if (rows.cols() != next.shape()[next.shape().length - 1] || rowsWritten > next.rows()) {
            throw new ModelException("%s: %d rows of %s so far, with %s".formatted(path, rowsWritten, next, rows));
        }
        put(rows, DType.valueOf(next.element()));
        if (rowsWritten < next.rows()) return;
        rowsWritten = 0;
        written++;
    }

    /**
     * Writes the next declared tensor as the bytes that it has elsewhere.
     *
     * @throws ModelException when they are not as many as declared
     */
    void writeBytes(MemorySegment bytes) {
        Declaration next = declared.get(written);
        if (bytes.byteSize() != next.bytes()) {
            throw new ModelException(
                    "%s: %d bytes for %s, which has %d".formatted(path, bytes.byteSize(), next, next.bytes()));
        }
        for (long done = 0; done < bytes.byteSize(); done += CHUNK) {
            file.write(bytes.asSlice(done, Math.min(CHUNK, bytes.byteSize() - done))
                    .asByteBuffer());
        }
        written++;
    }

    private void put(Tensor tensor, DType type) {
        if (tensor.isContiguous()) {
            write(tensor, 0, tensor.count(), type);
        } else {
            for (long r = 0; r < tensor.rows(); r++) write(tensor, r * tensor.rowStride(), tensor.cols(), type);
        }
    }

    private void write(Tensor tensor, long from, long count, DType type) {
        long most = CHUNK / 8;
        for (long done = 0; done < count; done += most) {
            long now = Math.min(most, count - done);
            if (tensor.dtype() == type) {
                long bytes = type.bytes();
                file.write(tensor.data()
                        .asSlice((from + done) * bytes, now * bytes)
                        .asByteBuffer());
            } else {
                if (scratch == null) scratch = arena.allocate(CHUNK, ALIGNMENT);
                Conversion.copy(tensor.data(), tensor.dtype(), from + done, scratch, type, 0, now);
                file.write(scratch.asSlice(0, now * type.bytes()).asByteBuffer());
            }
        }
    }

    /**
     * Forces the file to the disk and gives it its name.
     *
     * @throws ModelException when a declared tensor was not written
     */
    public void finish() {
        if (written < declared.size()) {
            throw new ModelException(path + " lacks " + declared.get(written) + ", which was declared");
        }
        file.finish();
    }

    @Override
    public void close() {
        arena.close();
        file.close();
    }
}
