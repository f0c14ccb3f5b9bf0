package io.gatun.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class RoofsTest {
    @Test
    void readsEveryWordOnce() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(4L * Roofs.PIECE, 64);
            assertThat(Roofs.read(memory, 0, 4)).isZero();
            for (int bit = 0; bit < 64; bit++) { // one bit in a word here and there, the first and the last among them
                long word = bit * (2L * Roofs.PIECE / 8 - 1) / 63;
                memory.set(ValueLayout.JAVA_LONG, Roofs.PIECE + 8 * word, 1L << bit);
                assertThat(Roofs.read(memory, Roofs.PIECE, 2)).isEqualTo(-1L >>> (63 - bit));
            }
            assertThat(Roofs.read(memory, 0, 1)).isZero();
            assertThat(Roofs.read(memory, 3L * Roofs.PIECE, 1)).isZero();
        }
    }

    @Test
    void everyChainCounts() {
        assertThat(Roofs.multiplyAdd(0)).isZero();
        assertThat((double) Roofs.multiplyAdd(1000)).isCloseTo(12 * 1000 * 1e-7, within(1e-6));
    }
}
