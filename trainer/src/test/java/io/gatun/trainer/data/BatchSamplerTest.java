package io.gatun.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BatchSamplerTest {
    @TempDir
    private Path folder;

    private final Arena arena = Arena.ofAuto();

    /** A text in which every three characters occur once: windows of it can be told apart. */
    private static String distinct(int length) {
        var text = new StringBuilder();
        for (int i = 0; text.length() < length; i++)
            text.append((char) (33 + i / 90)).append((char) (33 + i % 90));
        return text.substring(0, length).replace('|', '~');
    }

    private static List<String> sequences(BatchSampler sampler, long from, Tensor batch) {
        sampler.fill(from, batch);
        List<String> rows = new ArrayList<>();
        for (int row = 0; row < batch.rows(); row++) rows.add(Streams.row(batch, row));
        return rows;
    }

    @ParameterizedTest
    @CsvSource({"6, 5", "7, 5", "100, 1", "100, 7", "1000, 31", "1000, 32", "1023, 33"})
    void anEpochTakesEveryTokenOnce(int length, int sequence) {
        TokenShard shard = Streams.shard(folder, distinct(length - 1)); // and its separator
        String ring = Streams.tokens(shard).repeat(3);
        BatchSampler sampler = new BatchSampler(shard, sequence, 3);
        long windows = sampler.sequencesPerEpoch();
        assertThat(windows).isEqualTo(length / sequence);
        assertThat(sampler.tokensPerEpoch()).isEqualTo(windows * sequence);
        Tensor batch = Tensor.zeros(arena, DType.I32, windows, sequence + 1);
        for (int epoch = 0; epoch < 3; epoch++) {
            Map<Character, Integer> left = count(Streams.tokens(shard));
            for (String row : sequences(sampler, epoch * windows, batch)) {
                assertThat(ring).contains(row);
                count(row.substring(0, sequence)).forEach((c, n) -> left.merge(c, -n, Integer::sum));
            }
            assertThat(left.values()).allMatch(n -> n >= 0);
            assertThat(left.values().stream().mapToInt(n -> n).sum()).isEqualTo(length % sequence);
        }
    }

    private static Map<Character, Integer> count(String text) {
        Map<Character, Integer> counts = new HashMap<>();
        for (char c : text.toCharArray()) counts.merge(c, 1, Integer::sum);
        return counts;
    }

    @Test
    void aSequenceDependsOnSeedAndNumberOnly() {
        TokenShard shard = Streams.shard(folder, distinct(5000));
        Tensor large = Tensor.zeros(arena, DType.I32, 24, 17), small = Tensor.zeros(arena, DType.I32, 5, 17);
        List<String> all = sequences(new BatchSampler(shard, 16, 42), 300, large); // the epoch ends after 312
        BatchSampler other = new BatchSampler(shard, 16, 42);
        assertThat(sequences(other, 311, small)).isEqualTo(all.subList(11, 16));
        assertThat(sequences(other, 302, small)).isEqualTo(all.subList(2, 7));
        assertThat(sequences(new BatchSampler(shard, 16, 43), 300, large)).isNotEqualTo(all);
        assertThat(sequences(other, 300 + 312, large)).isNotEqualTo(all);
    }

    @Test
    void moreColumnsLookFurtherAhead() {
        TokenShard shard = Streams.shard(folder, distinct(500));
        BatchSampler sampler = new BatchSampler(shard, 16, 1);
        Tensor next = Tensor.zeros(arena, DType.I32, 3, 17), wide = Tensor.zeros(arena, DType.I32, 3, 30);
        sampler.fill(9, wide.columns(0, 19)); // a view with a stride
        sampler.fill(9, next);
        for (int row = 0; row < 3; row++) {
            assertThat(Streams.row(wide, row))
                    .startsWith(Streams.row(next, row))
                    .endsWith("\0".repeat(11));
            assertThat(wide.get(row, 18)).isNotZero();
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        TokenShard shard = Streams.shard(folder, "0123456");
        assertThat(new BatchSampler(shard, 7, 1).sequencesPerEpoch()).isEqualTo(1);
        assertThatThrownBy(() -> new BatchSampler(shard, 8, 1))
                .isInstanceOf(DataException.class)
                .hasMessage("the test's text has 8 tokens; one sequence and its last target need 9:"
                        + " train on a longer text or shorter sequences");
        assertThatThrownBy(() -> new BatchSampler(shard, 0, 1)).hasMessageContaining("1 or more");
        BatchSampler sampler = new BatchSampler(shard, 4, 1);
        assertThatThrownBy(() -> sampler.fill(0, Tensor.zeros(arena, DType.I32, 2, 4)))
                .hasMessage("a batch of sequences of 4 tokens goes into i32[sequences, 5 or more]; this is i32[2, 4]");
        assertThatThrownBy(() -> sampler.fill(0, Tensor.zeros(arena, DType.I64, 2, 5)))
                .hasMessageContaining("i64[2, 5]");
        assertThatThrownBy(() -> sampler.fill(0, Tensor.zeros(arena, DType.I32, 5)))
                .hasMessageContaining("i32[5]");
        assertThatThrownBy(() -> sampler.fill(-1, Tensor.zeros(arena, DType.I32, 2, 5)))
                .hasMessageContaining("from 0");
    }

    @Test
    void allocatesNothing() {
        TokenShard shard = Streams.shard(folder, distinct(5000));
        BatchSampler sampler = new BatchSampler(shard, 32, 1);
        HeldOut heldOut = new HeldOut(shard, 32);
        Tensor batch = Tensor.zeros(arena, DType.I32, 4, 33);
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE; // while the JIT still compiles, the JVM itself may allocate
        for (int round = 0; round < 20 && least > 0; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 10_000; i++) fillBoth(sampler, heldOut, batch, i);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertThat(least).isZero();
    }

    private static void fillBoth(BatchSampler sampler, HeldOut heldOut, Tensor batch, int i) {
        sampler.fill(4L * i, batch);
        heldOut.fill(i % heldOut.windows(), batch);
    }
}
