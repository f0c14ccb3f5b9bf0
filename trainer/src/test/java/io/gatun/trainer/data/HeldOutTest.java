package io.gatun.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeldOutTest {
    @TempDir
    private Path folder;

    private final Arena arena = Arena.ofAuto();

    private static String digits(int length) {
        return "0123456789abcdefghijklmnopqrstuvwxyz".repeat(40).substring(0, length);
    }

    @ParameterizedTest
    @CsvSource({"5, 5, 1", "6, 5, 2", "100, 1, 7", "100, 10, 3", "99, 10, 4", "101, 10, 4", "1000, 64, 8"})
    void predictsEveryTokenOnce(int length, int sequence, int rows) {
        TokenShard shard = Streams.shard(folder, digits(length));
        HeldOut heldOut = new HeldOut(shard, sequence);
        assertThat(heldOut.predictions()).isEqualTo(length);
        assertThat(heldOut.bytes()).isEqualTo(length);
        Tensor batch = Tensor.zeros(arena, DType.I32, rows, sequence + 1);
        var predicted = new StringBuilder();
        for (long first = 0; first < heldOut.windows(); first += rows) {
            int counting = heldOut.fill(first, batch);
            var targets = new StringBuilder();
            for (int row = 0; row < rows; row++) {
                String text = Streams.row(batch, row);
                if (row * sequence < counting)
                    assertThat(Streams.tokens(shard).repeat(2)).contains(text);
                targets.append(text.substring(1));
            }
            predicted.append(targets.substring(0, counting));
        }
        assertThat(predicted.toString()).isEqualTo(digits(length));
    }

    @Test
    void beginsWithTheSeparator() {
        HeldOut heldOut = new HeldOut(Streams.shard(folder, digits(20)), 4);
        Tensor batch = Tensor.zeros(arena, DType.I32, 2, 5);
        heldOut.fill(0, batch);
        assertThat(Streams.row(batch, 0)).isEqualTo("|0123");
        assertThat(Streams.row(batch, 1)).isEqualTo("34567");
    }

    @Test
    void aSampleIsSpreadOverTheText() {
        HeldOut all = new HeldOut(Streams.shard(folder, digits(101)), 10);
        assertThat(all.windows()).isEqualTo(11);
        HeldOut sample = all.sample(3);
        assertThat(sample.windows()).isEqualTo(3);
        assertThat(sample.predictions()).isEqualTo(30);
        assertThat(sample.bytes()).isCloseTo(30, within(1e-9));
        Tensor batch = Tensor.zeros(arena, DType.I32, 4, 11);
        assertThat(sample.fill(0, batch)).isEqualTo(30);
        String text = "|" + digits(101);
        assertThat(Streams.row(batch, 0)).isEqualTo(text.substring(0, 11));
        assertThat(Streams.row(batch, 1)).isEqualTo(text.substring(30, 41));
        assertThat(Streams.row(batch, 2)).isEqualTo(text.substring(70, 81));
        assertThat(all.sample(50).predictions()).isEqualTo(101);
        assertThatThrownBy(() -> all.sample(0)).hasMessageContaining("1 or more");
    }

    @Test
    void countsBitsForEachByteOfText() {
        HeldOut heldOut = new HeldOut(Streams.shard(folder, digits(64)), 8);
        assertThat(heldOut.bitsPerByte(64 * Math.log(256))).isCloseTo(8, within(1e-12));
        Path documents = Streams.write(folder.resolve("a.jsonl"), "{\"text\": \"é\"}\n{\"text\": \"bcd\"}\n");
        try (TokenShards shards =
                TokenShards.open(folder.resolve("b"), Corpus.of(documents, documents), new ByteEncoder())) {
            HeldOut separated = new HeldOut(shards.heldOut(), 2); // | é é | b c d
            assertThat(separated.predictions()).isEqualTo(6);
            assertThat(separated.bytes()).isEqualTo(5);
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        TokenShard shard = Streams.shard(folder, digits(10));
        assertThatThrownBy(() -> new HeldOut(shard, 11))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("has 11 tokens; one sequence and its last target need 12");
        HeldOut heldOut = new HeldOut(shard, 4);
        Tensor batch = Tensor.zeros(arena, DType.I32, 2, 5);
        assertThatThrownBy(() -> heldOut.fill(3, batch)).hasMessageContaining("there are 3, numbered from 0");
        assertThatThrownBy(() -> heldOut.fill(-1, batch)).hasMessageContaining("numbered from 0");
        assertThatThrownBy(() -> heldOut.fill(0, Tensor.zeros(arena, DType.F32, 2, 5)))
                .hasMessageContaining("f32[2, 5]");
    }
}
