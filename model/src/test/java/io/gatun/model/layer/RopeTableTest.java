package io.gatun.model.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RopeTableTest {
    private static final Path GOLDEN = Path.of(System.getProperty("gatun.root"), "test-data", "rope");

    private final Arena arena = Arena.ofConfined();
    private GoldenRope golden;

    @BeforeEach
    void open() throws IOException {
        golden = new GoldenRope(arena, GOLDEN);
    }

    @AfterEach
    void close() {
        arena.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3", "v3_no_yarn", "v2lite", "narrow_ramp", "collapsed_ramp"})
    void equalsThePublishedCode(String name) {
        RopeFrequencies frequencies = golden.frequencies(name);
        float[] perPair = frequencies.perPair();
        Tensor expected = golden.tensor(name + ".inv_freq");
        for (int i = 0; i < perPair.length; i++) assertThat((double) perPair[i]).isEqualTo(expected.get(i));

        Tensor positions = golden.tensor(name + ".positions");
        int last = (int) positions.get(positions.count() - 1);
        RopeTable table = RopeTable.of(arena, DType.F32, last + 1, frequencies);
        assertThat(table.positions()).isEqualTo(last + 1);
        for (int p = 0; p < positions.count(); p++) {
            for (int i = 0; i < perPair.length; i++) {
                int position = (int) positions.get(p);
                String at = name + " position " + position + " pair " + i;
                assertThat(table.cos().get(position, i))
                        .as(at)
                        .isEqualTo(golden.tensor(name + ".cos").get(p, i), within(1e-6));
                assertThat(table.sin().get(position, i))
                        .as(at)
                        .isEqualTo(golden.tensor(name + ".sin").get(p, i), within(1e-6));
            }
        }
    }

    @Test
    void turnsAsSpecified() { // the numbers of SPEC 2.4
        var v3 = new RopeFrequencies(64, 10000, 40, 32, 1, 4096, true);
        float[] perPair = v3.perPair();
        assertThat(perPair[0]).isEqualTo(1f);
        assertThat(perPair[10]).isEqualTo(5.623413e-2f, within(1e-8f));
        assertThat(perPair[11]).isEqualTo(3.900693e-2f, within(1e-8f));
        assertThat(perPair[16]).isEqualTo(5.5e-3f, within(1e-9f));
        assertThat(perPair[23]).isEqualTo(3.333804e-5f, within(1e-11f));
        assertThat(perPair[31]).isEqualTo(3.333804e-6f, within(1e-12f));
    }

    @Test
    void withoutYarnIgnoresItsNumbers() {
        var plain = RopeFrequencies.plain(10, 10000);
        var ignored = new RopeFrequencies(10, 10000, 40, 32, 1, 64, false);
        assertThat(ignored.perPair()).isEqualTo(plain.perPair());
    }

    @Test
    void doubleTablesHaveTheSameAngles() {
        var frequencies = RopeFrequencies.plain(8, 100);
        RopeTable floats = RopeTable.of(arena, DType.F32, 9, frequencies);
        RopeTable doubles = RopeTable.of(arena, DType.F64, 9, frequencies);
        for (int i = 0; i < floats.cos().count(); i++) {
            assertThat(floats.cos().get(i)).isEqualTo((float) doubles.cos().get(i));
            assertThat(floats.sin().get(i)).isEqualTo((float) doubles.sin().get(i));
            assertThat(Math.hypot(doubles.cos().get(i), doubles.sin().get(i))).isEqualTo(1, within(1e-15));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "7, 10000, 40, 32, 1, 4096, qk_rope_head_dim is 7",
        "0, 10000, 40, 32, 1, 4096, qk_rope_head_dim is 0",
        "8, 1, 40, 32, 1, 4096, rope_theta is 1.0",
        "8, NaN, 40, 32, 1, 4096, rope_theta is NaN",
        "8, 10000, 0.5, 32, 1, 4096, rope_scaling.factor is 0.5",
        "8, 10000, 40, 1, 32, 4096, rope_scaling.beta_fast is 1.0 and beta_slow 32.0",
        "8, 10000, 40, 32, 0, 4096, beta_slow 0.0",
        "8, 10000, 40, 32, 1, 0, rope_scaling.original_max_position_embeddings is 0"
    })
    void refusesWhatCannotBe(int dim, double theta, double factor, double fast, double slow, int max, String message) {
        assertThatThrownBy(() -> new RopeFrequencies(dim, theta, factor, fast, slow, max, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    /** The two files of the golden folder, read as far as this test needs them. */
    private static final class GoldenRope {
        private final Arena arena;
        private final MemorySegment file;
        private final String header;
        private final String settings;

        GoldenRope(Arena arena, Path folder) throws IOException {
            this.arena = arena;
            try (var channel = FileChannel.open(folder.resolve("rope.safetensors"))) {
                file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            }
            long length = file.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
            header = new String(file.asSlice(8, length).toArray(ValueLayout.JAVA_BYTE));
            settings = Files.readString(folder.resolve("rope.json"));
        }

        Tensor tensor(String name) {
            Matcher m = find(
                    "\"" + Pattern.quote(name)
                            + "\":\\s*\\{\"dtype\":\\s*\"(\\w+)\",\\s*\"shape\":\\s*\\[([\\d, ]+)],\\s*\"data_offsets\":\\s*\\[(\\d+),\\s*(\\d+)]",
                    header);
            String[] sizes = m.group(2).split(",\\s*");
            long[] shape = new long[sizes.length];
            for (int i = 0; i < shape.length; i++) shape[i] = Long.parseLong(sizes[i]);
            long start = Long.parseLong(m.group(3));
            MemorySegment copy = arena.allocate(Long.parseLong(m.group(4)) - start, 8);
            copy.copyFrom(file.asSlice(8 + header.length() + start, copy.byteSize()));
            return Tensor.of(copy, DType.valueOf(m.group(1)), shape);
        }

        double number(String name, String field) {
            return Double.parseDouble(field(name, field));
        }

        RopeFrequencies frequencies(String name) {
            return new RopeFrequencies(
                    (int) number(name, "rope_head_dim"),
                    number(name, "rope_theta"),
                    number(name, "factor"),
                    number(name, "beta_fast"),
                    number(name, "beta_slow"),
                    (int) number(name, "original_max_position_embeddings"),
                    Boolean.parseBoolean(field(name, "yarn")));
        }

        private String field(String name, String field) {
            return find("\"" + name + "\": \\{[^}]*\"" + Pattern.quote(field) + "\": ([^,\\s]+)", settings)
                    .group(1);
        }

        private static Matcher find(String pattern, String text) {
            Matcher m = Pattern.compile(pattern).matcher(text);
            if (!m.find()) throw new AssertionError("no match for " + pattern);
            return m;
        }
    }
}
