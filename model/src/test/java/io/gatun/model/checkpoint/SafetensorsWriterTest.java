package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.ModelException;
import io.gatun.model.checkpoint.SafetensorsWriter.Declaration;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    private final Arena arena = Arena.ofShared();
    private Path folder;
    private Path file;

    @BeforeEach
    void place(@TempDir Path temporary) {
        folder = temporary;
        file = folder.resolve("x.safetensors");
    }

    @AfterEach
    void unmap() {
        arena.close();
    }

    @Test
    void whatIsWrittenIsRead() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("wide", random(DType.F64, 3, 5));
        tensors.put("ids", Tensor.zeros(arena, DType.I32, 7));
        tensors.get("ids").set(6, -9);
        tensors.put("long", random(DType.F32, 300_001)); // more than one piece
        tensors.put("none", Tensor.zeros(arena, DType.F32, 0, 4));
        tensors.put("scalar", random(DType.F32));
        SafetensorsWriter.write(file, tensors, Map.of("who", "test"));
        SafetensorsFile read = SafetensorsFile.open(file, arena);
        assertThat(read.names()).containsExactlyElementsOf(tensors.keySet());
        assertThat(read.metadata()).isEqualTo(Map.of("who", "test"));
        tensors.forEach((name, tensor) -> {
            assertThat(read.tensor(name)).hasToString(tensor.toString());
            assertThat(read.tensor(name)
                            .data()
                            .mismatch(tensor.data()
                                    .asSlice(0, read.tensor(name).data().byteSize())))
                    .as(name)
                    .isEqualTo(-1);
        });
    }

    @Test
    void dataStartsAtACacheLine() throws IOException {
        SafetensorsWriter.write(file, Map.of("a", random(DType.F32, 3)));
        long header = ByteBuffer.wrap(Files.readAllBytes(file))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
        assertThat((header + 8) % 64).isZero();
        assertThat(Files.size(file)).isEqualTo(8 + header + 12);
    }

    @Test
    void equalTensorsGiveEqualFiles() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("b", random(DType.F32, 5));
        tensors.put("a", random(DType.F32, 2, 2));
        SafetensorsWriter.write(file, tensors, Map.of("z", "1", "y", "2", "x", "3"));
        String header = Files.readString(file, StandardCharsets.ISO_8859_1).substring(8);
        assertThat(header)
                .startsWith(
                        "{\"__metadata__\":{\"x\":\"3\",\"y\":\"2\",\"z\":\"1\"},\"b\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]},"
                                + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[20,36]}}");
    }

    @Test
    void convertsAndGathersRows() {
        Tensor whole = random(DType.F32, 9, 33);
        Tensor part = whole.columns(2, 31);
        try (SafetensorsWriter writer = SafetensorsWriter.create(
                file,
                List.of(new Declaration("a", DType.BF16, 9, 29), new Declaration("b", DType.F32, 9, 29)),
                Map.of())) {
            writer.write(part);
            writer.write(part);
            writer.finish();
        }
        SafetensorsFile read = SafetensorsFile.open(file, arena);
        for (int r = 0; r < 9; r++) {
            for (int c = 0; c < 29; c++) {
                float value = (float) part.get(r, c);
                assertThat(read.tensor("b").get(r, c)).isEqualTo(value);
                assertThat(read.tensor("a").get(r, c)).isEqualTo(Conversion.widen(Conversion.round(value)));
            }
        }
    }

    @Test
    void convertsLongTensorsInPieces() {
        Tensor tensor = random(DType.F32, 3, 200_003);
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, List.of(new Declaration("a", DType.F64, 3, 200_003)), Map.of())) {
            writer.write(tensor);
            writer.finish();
        }
        Tensor read = SafetensorsFile.open(file, arena).tensor("a");
        for (long i = 0; i < tensor.count(); i++) {
            if (read.get(i) != tensor.get(i))
                assertThat(read.get(i)).as("element %d", i).isEqualTo(tensor.get(i));
        }
    }

    @Test
    void anUnfinishedFileLeavesTheOldOne() throws IOException {
        SafetensorsWriter.write(file, Map.of("old", random(DType.F32, 3)));
        byte[] before = Files.readAllBytes(file);
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, List.of(new Declaration("new", DType.F32, 2)), Map.of())) {
            assertThat(Files.readAllBytes(file)).isEqualTo(before);
            writer.write(random(DType.F32, 2));
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
        assertThat(folder).isDirectoryNotContaining(other -> !other.equals(file));
    }

    @Test
    void aMappedFileOutlivesItsReplacement() {
        Tensor old = random(DType.F32, 3);
        SafetensorsWriter.write(file, Map.of("a", old));
        SafetensorsFile mapped = SafetensorsFile.open(file, arena);
        SafetensorsWriter.write(file, Map.of("b", random(DType.F32, 1)));
        assertThat(mapped.tensor("a").get(2)).isEqualTo(old.get(2));
        assertThatThrownBy(mapped::checkUnchanged).isInstanceOf(ModelException.class);
    }

    @Test
    void refusesWhatWasNotDeclared() {
        List<Declaration> declared = List.of(new Declaration("a", DType.F32, 2), new Declaration("b", DType.F32, 1));
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, declared, Map.of())) {
            assertThatThrownBy(() -> writer.write(random(DType.F32, 3)))
                    .isInstanceOf(ModelException.class)
                    .hasMessage(file + ": the tensor for a [2] is f32[3]");
        }
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, declared, Map.of())) {
            writer.write(random(DType.F32, 2));
            assertThatThrownBy(writer::finish).hasMessage(file + " lacks b [1], which was declared");
            writer.write(random(DType.F32, 1));
            assertThatThrownBy(() -> writer.write(random(DType.F32, 1)))
                    .hasMessage(file + " has all its tensors; there is one more, f32[1]");
        }
        List<Declaration> twice = List.of(new Declaration("a", DType.F32, 2), new Declaration("a", DType.F32, 1));
        assertThatThrownBy(() -> SafetensorsWriter.create(file, twice, Map.of()))
                .hasMessage("two tensors are called a");
        assertThat(folder).isEmptyDirectory();
    }

    private Tensor random(DType type, long... shape) {
        Tensor tensor = Tensor.zeros(arena, type, shape);
        Random random = new Random(5);
        for (long i = 0; i < tensor.count(); i++) tensor.set(i, random.nextGaussian());
        return tensor;
    }
}
