package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
    private final Arena arena = Arena.ofShared();
    private Path file;

    @BeforeEach
    void place(@TempDir Path folder) {
        file = folder.resolve("x.safetensors");
    }

    @AfterEach
    void unmap() {
        arena.close();
    }

    @Test
    void readsThePublishedFiles() {
        SafetensorsFile model = SafetensorsFile.open(Golden.folder("v3-mini").resolve("model.safetensors"), arena);
        assertThat(model.names()).hasSize(139).contains("lm_head.weight");
        assertThat(model.metadata()).containsEntry("format", "pt");
        assertThat(model.tensor("lm_head.weight")).hasToString("f32[160, 64]");
        SafetensorsFile expected =
                SafetensorsFile.open(Golden.folder("v3-mini").resolve("expected.safetensors"), arena);
        assertThat(expected.metadata()).isEmpty();
        assertThat(expected.tensor("input_ids").dtype()).isEqualTo(DType.I64);
        assertThat(expected.tensor("softmax_scale")).hasToString("f64[1]");
    }

    @Test
    void readsTensorsAtAnyAddress() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(1 + 8 + 4).order(ByteOrder.LITTLE_ENDIAN);
        data.put((byte) 7).putDouble(-1.5).putFloat(0.25f);
        write("""
                {"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
                 "b": {"dtype": "F64", "shape": [1], "data_offsets": [1, 9]},
                 "c": {"dtype": "F32", "shape": [], "data_offsets": [9, 13]}}""", data.array());
        SafetensorsFile opened = open();
        assertThat(opened.tensor("b").get(0)).isEqualTo(-1.5);
        assertThat(opened.tensor("c").get(0)).isEqualTo(0.25);
        assertThat(opened.tensor("c").rank()).isZero();
    }

    @Test
    void readsEmptyTensorsAndNoTensors() throws IOException {
        write("{\"a\": {\"dtype\": \"F32\", \"shape\": [0, 3], \"data_offsets\": [0, 0]}}", new byte[0]);
        assertThat(open().tensor("a").count()).isZero();
        write("{}", new byte[0]);
        assertThat(open().names()).isEmpty();
    }

    @Test
    void failsForATypeOnlyWhenItIsAskedFor() throws IOException {
        write("""
                {"half": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
                 "odd": {"dtype": "F4", "shape": [2], "data_offsets": [4, 5]},
                 "i": {"dtype": "I32", "shape": [1], "data_offsets": [5, 9]}}""", new byte[9]);
        SafetensorsFile opened = open();
        assertThat(opened.tensor("i").dtype()).isEqualTo(DType.I32);
        assertThatThrownBy(() -> opened.tensor("half"))
                .isInstanceOf(ModelException.class)
                .hasMessage("half is f16[2] in " + file + "; that element type is not supported");
        assertThatThrownBy(() -> opened.tensor("none")).hasMessage("there is no tensor none in " + file);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}} | 8 | : b starts at byte 4 of the data, and a ends at 8: tensors overlap
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}} | 12 | : b starts at byte 8 of the data, and a ends at 4: tensors leave a hole
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]}} | 6 | : a starts at byte 2 of the data, and the header ends at 0: tensors leave a hole
            {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}} | 8 | : the header gives 8 bytes to a, which is f32[3]
            {"a": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 7]}} | 7 | : the header gives 7 bytes to a, which is bf16[3]
            {"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}} | 0 | : the header gives 0 bytes to a, which is f32[4294967296, 4294967296]
            {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}} | 8 | ` is cut off: its tensors need 12 bytes after the header, and there are 8`
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}} | 5 | ` has 5 bytes after the header, and its tensors end at 4`
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}} | 4 | ` (header): a.data_offsets should be the first byte and the one after the last`
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}} | 4 | ` (header): a.data_offsets should be the first byte and the one after the last`
            {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}} | 4 | ` (header): a.shape holds -1; whole numbers from 0 on were expected`
            {"a": {"dtype": "F32", "data_offsets": [0, 4]}} | 4 | ` (header): a.shape is missing`
            {"a": {"shape": [1], "data_offsets": [0, 4]}} | 4 | ` (header): a.dtype is missing`
            {"a": null} | 0 | ` (header): a is null; it should be an object`
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}} | 0 | ` (header): a.data_offsets holds -4; whole numbers from 0 on were expected`
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 9223372036854775807]}} | 4 | : the header gives 9223372036854775807 bytes to a, which is f32[1]
            {"a": {"dtype": "F32", "shape": [2305843009213693951], "data_offsets": [0, 9223372036854775804]}} | 4 | ` is cut off: its tensors need 9223372036854775804 bytes after the header, and there are 4`
            {"a": {"dtype": "F32", "shape": [9223372036854775807, 9223372036854775807, 0], "data_offsets": [0, 0]}} | 0 | : the header gives 0 bytes to a, which is f32[9223372036854775807, 9223372036854775807, 0]
            {"a": {"dtype": "F32", "shape": [0.5], "data_offsets": [0, 4]}} | 4 | ` (header): a.shape holds 0.5; whole numbers from 0 on were expected`
            {"a": {"dtype": 32, "shape": [1], "data_offsets": [0, 4]}} | 4 | ` (header): a.dtype is 32; it should be a text`
            {"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}} | 4 | ` (header): a.shape is 1; it should be an array`
            {"__metadata__": 7} | 0 | ` (header): __metadata__ is 7; it should be an object`
            {} {} | 0 | ` (header): more follows after the end of the JSON`
            [1] | 0 | ` (header): a JSON object was expected, and there is an array`
            """)
    void refusesRaggedHeaders(String header, int bytes, String message) throws IOException {
        write(header, new byte[bytes]);
        assertThatThrownBy(this::open).isInstanceOf(ModelException.class).hasMessage(file + message);
    }

    @Test
    void refusesWhatIsNoSafetensorsFile() throws IOException {
        assertThatThrownBy(this::open).hasMessage("there is no file " + file);
        Files.write(file, new byte[5]);
        assertThatThrownBy(this::open)
                .hasMessage(file + " has 5 bytes; a safetensors file starts with the 8 of a header's length");
        Files.writeString(file, "This is a text and no tensor.");
        assertThatThrownBy(this::open)
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith(file + " is no safetensors file: ");
        Files.write(
                file,
                ByteBuffer.allocate(20)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(13)
                        .array());
        assertThatThrownBy(this::open).hasMessage(file + " is cut off: its header needs 13 bytes, and the file has 12");
        write("{\"a\": ", new byte[0]);
        assertThatThrownBy(this::open)
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith(file + " (header) line 1");
    }

    /** What the parser refuses: its words are not ours, but the sentence names the file and the place. */
    @Test
    void refusesWhatIsNoJson() throws IOException {
        String entry = "\"a\": {\"dtype\": \"U8\", \"shape\": [0], \"data_offsets\": [0, 0]}";
        for (String header : List.of(
                "{" + entry + ", " + entry + "}",
                "{\"a\": {\"dtype\": \"U8\", \"dtype\": \"U8\"}}",
                "{\"a\": {\"shape\": [NaN]}}",
                "{\"a\": {\"shape\": [1" + "0".repeat(2000) + "]}}",
                "{\"a\": {\"shape\": " + "[".repeat(100_000) + "]}}",
                "{\"a\": " + "{\"a\":".repeat(100_000) + "1}",
                "{\"" + "x".repeat(200_000) + "\": 1}",
                "\0".repeat(50))) {
            write(header, new byte[0]);
            assertThatThrownBy(this::open)
                    .isInstanceOf(ModelException.class)
                    .hasMessageStartingWith(file + " (header)");
        }
        byte[] header = "{\"__metadata__\": {\"a\": \"??\"}}".getBytes(StandardCharsets.UTF_8);
        header[24] = (byte) 0xC3; // not followed by the rest of its character
        ByteBuffer whole = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(file, whole.putLong(header.length).put(header).array());
        assertThatThrownBy(this::open)
                .isInstanceOf(ModelException.class)
                .hasMessage(file + " (header) is no UTF-8 text: see its byte 24");
    }

    @Test
    void refusesEveryHeaderLengthThatCannotBe() throws IOException {
        for (long length : new long[] {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_001}) {
            Files.write(
                    file,
                    ByteBuffer.allocate(64)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(length)
                            .array());
            assertThatThrownBy(this::open)
                    .hasMessage(
                            file + " is no safetensors file: its first 8 bytes would be the header's length, and are "
                                    + length);
        }
        Files.write(file, new byte[0]);
        assertThatThrownBy(this::open)
                .hasMessage(file + " has 0 bytes; a safetensors file starts with the 8 of a header's length");
    }

    @Test
    void noticesThatAFileHasChanged() throws IOException {
        write("{}", new byte[0]);
        SafetensorsFile opened = open();
        opened.checkUnchanged();
        Files.setLastModifiedTime(file, FileTime.fromMillis(1));
        assertThatThrownBy(opened::checkUnchanged)
                .isInstanceOf(ModelException.class)
                .hasMessage(file + " has changed since it was opened; open the model again");
        Files.delete(file);
        assertThatThrownBy(opened::checkUnchanged)
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("can no longer be read");
    }

    @Test
    void aCopyOutlivesItsFile() throws IOException {
        write(
                "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
                new byte[] {0, 0, (byte) 0x80, 0x3f});
        SafetensorsFile copy = SafetensorsFile.open(file, arena, true);
        Files.delete(file);
        copy.checkUnchanged();
        assertThat(copy.tensor("a").get(0)).isEqualTo(1);
    }

    @Test
    void tensorsEndWithTheirArena() throws IOException {
        write("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}", new byte[4]);
        Tensor tensor;
        try (Arena shortLived = Arena.ofConfined()) {
            tensor = SafetensorsFile.open(file, shortLived).tensor("a");
        }
        assertThatThrownBy(() -> tensor.get(0)).isInstanceOf(IllegalStateException.class);
    }

    private SafetensorsFile open() {
        return SafetensorsFile.open(file, arena);
    }

    private void write(String header, byte[] data) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer whole = ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(file, whole.putLong(text.length).put(text).put(data).array());
    }
}
