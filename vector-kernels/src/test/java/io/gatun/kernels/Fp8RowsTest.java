package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Fp8RowsTest {
    private static final int STRIDE = 12; // bytes from scale to scale: others may lie between

    private final Arena arena = Arena.ofAuto();

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 31, 33, 64, 127, 128, 129, 200, 256, 1100})
    void equalsCodesOneByOne(int count) {
        for (boolean isGradient : new boolean[] {false, true}) {
            for (double size : new double[] {1, 1e-6, 1e-38, 0}) {
                MemorySegment x = arena.allocate(JAVA_FLOAT, count + 1);
                Random random = new Random(count);
                for (int i = 0; i < count; i++) {
                    x.setAtIndex(JAVA_FLOAT, i + 1, (float) (size * random.nextGaussian()));
                }
                int blocks = Math.ceilDiv(count, 128);
                MemorySegment codes = arena.allocate(count + 8), scales = arena.allocate(STRIDE * blocks + 4);
                codes.fill((byte) 99);
                MemorySegment scratch = arena.allocate(Fp8Rows.scratchBytes(count), 64);
                scratch.fill((byte) -1);
                Fp8Rows.quantize(codes, 3, scales, 4, STRIDE, x, 4, count, isGradient, scratch);
                for (int b = 0; b < blocks; b++) {
                    float largest = isGradient ? 0 : 1e-4f;
                    for (int i = 128 * b; i < Math.min(count, 128 * (b + 1)); i++) {
                        largest = Math.max(largest, Math.abs(x.getAtIndex(JAVA_FLOAT, i + 1)));
                    }
                    float scale = largest / 448 < Float.MIN_NORMAL ? 1 : largest / 448;
                    assertThat(scales.get(JAVA_FLOAT, 4 + (long) STRIDE * b)).isEqualTo(scale);
                    for (int i = 128 * b; i < Math.min(count, 128 * (b + 1)); i++) {
                        byte expected = Fp8.encode(x.getAtIndex(JAVA_FLOAT, i + 1) / scale);
                        assertThat(codes.get(JAVA_BYTE, 3 + i)).as("code %d", i).isEqualTo(expected);
                    }
                }
                assertThat(codes.get(JAVA_BYTE, 2)).isEqualTo((byte) 99);
                assertThat(codes.get(JAVA_BYTE, 3 + count)).isEqualTo((byte) 99);
            }
        }
    }

    @Test
    void keepsNaN() {
        MemorySegment x = arena.allocate(JAVA_FLOAT, 3), codes = arena.allocate(3), scales = arena.allocate(4);
        x.setAtIndex(JAVA_FLOAT, 1, Float.NaN);
        MemorySegment scratch = arena.allocate(Fp8Rows.scratchBytes(3), 64);
        for (boolean isGradient : new boolean[] {false, true}) {
            Fp8Rows.quantize(codes, 0, scales, 0, 4, x, 0, 3, isGradient, scratch);
            float value = Fp8.decode(codes.get(JAVA_BYTE, 1)) * scales.get(JAVA_FLOAT, 0);
            assertThat(value).isNaN();
        }
    }

    @Test
    void turnsColumnsIntoRows() {
        int rows = 7, cols = 5;
        MemorySegment x = arena.allocate(JAVA_FLOAT, rows * 8), y = arena.allocate(JAVA_FLOAT, cols * 9);
        for (int i = 0; i < rows * 8; i++) x.setAtIndex(JAVA_FLOAT, i, i);
        Fp8Rows.transpose(y, 4, 36, x, 8, 32, rows, cols);
        for (int c = 0; c < cols; c++) {
            for (int r = 0; r < rows; r++) {
                assertThat(y.getAtIndex(JAVA_FLOAT, 1 + 9 * c + r)).isEqualTo(2 + 8 * r + c);
            }
        }
    }
}
