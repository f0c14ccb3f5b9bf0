package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Bf16Test {
    @Test
    void roundsToNearestTiesToEven() {
        assertThat(Bf16.encode(1)).isEqualTo((short) 0x3f80);
        assertThat(Bf16.encode(bits(0x3f808000))).isEqualTo((short) 0x3f80); // a tie, down to even
        assertThat(Bf16.encode(bits(0x3f818000))).isEqualTo((short) 0x3f82); // a tie, up to even
        assertThat(Bf16.encode(bits(0x3f808001))).isEqualTo((short) 0x3f81);
        assertThat(Bf16.encode(bits(0xbf817fff))).isEqualTo((short) 0xbf81);
        assertThat(Bf16.encode(-0f)).isEqualTo((short) 0x8000);
        assertThat(Bf16.encode(Float.MAX_VALUE)).isEqualTo((short) 0x7f80); // too large: infinite
        assertThat(Bf16.encode(bits(0x00008000))).isEqualTo((short) 0); // denormal numbers round as all others
        assertThat(Bf16.encode(bits(0x00018000))).isEqualTo((short) 2);
        assertThat(Bf16.decode(Bf16.encode(Float.NEGATIVE_INFINITY))).isEqualTo(Float.NEGATIVE_INFINITY);
        for (int nan : new int[] {0x7fc00000, 0x7f800001, 0x7fffffff, 0xffffffff, 0xff80ffff}) {
            assertThat(Bf16.decode(Bf16.encode(bits(nan)))).as("%08x", nan).isNaN();
        }
    }

    @Test
    void noNeighbourIsNearer() {
        var random = new SplittableRandom(5);
        for (int i = 0; i < 20_000; i++) {
            float x = bits(random.nextInt(0x7f000000));
            short rounded = Bf16.encode(x);
            double error = Math.abs((double) Bf16.decode(rounded) - x);
            assertThat(error).isLessThanOrEqualTo(Math.abs((double) Bf16.decode((short) (rounded + 1)) - x));
            if (rounded > 0) {
                assertThat(error).isLessThanOrEqualTo(Math.abs((double) Bf16.decode((short) (rounded - 1)) - x));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 1000})
    void rangesAreRoundedAsNumbersAre(int count) {
        try (Arena arena = Arena.ofConfined()) {
            var random = new SplittableRandom(count);
            MemorySegment x = arena.allocate(JAVA_FLOAT, count + 2L);
            MemorySegment y = arena.allocate(JAVA_FLOAT, count + 2L);
            MemorySegment halves = arena.allocate(JAVA_SHORT, count + 2L);
            MemorySegment back = arena.allocate(JAVA_FLOAT, count + 2L);
            for (int i = 0; i < count + 2; i++) x.setAtIndex(JAVA_FLOAT, i, bits(random.nextInt()));
            Bf16.round(y, 4, x, 4, count);
            Bf16.encode(halves, 2, x, 4, count);
            Bf16.decode(back, 4, halves, 2, count);
            for (int i = 1; i <= count; i++) {
                Float expected = Bf16.decode(Bf16.encode(x.getAtIndex(JAVA_FLOAT, i)));
                assertThat(y.getAtIndex(JAVA_FLOAT, i)).isEqualTo(expected);
                assertThat(back.getAtIndex(JAVA_FLOAT, i)).isEqualTo(expected);
            }
            for (MemorySegment written : new MemorySegment[] {y, back}) { // the neighbours are left alone
                assertThat(written.getAtIndex(JAVA_FLOAT, 0)).isZero();
                assertThat(written.getAtIndex(JAVA_FLOAT, count + 1)).isZero();
            }
            assertThat(halves.getAtIndex(JAVA_SHORT, count + 1)).isZero();
        }
    }

    private static float bits(int bits) {
        return Float.intBitsToFloat(bits);
    }
}
