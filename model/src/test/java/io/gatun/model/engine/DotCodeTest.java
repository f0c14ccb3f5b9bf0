package io.gatun.model.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.machinecode.Emulator;
import io.gatun.ffm.machinecode.Listing;
import io.gatun.kernels.DotLoops;
import io.gatun.model.engine.DotCode.Stored;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The functions for both widths of vectors, run from what objdump reads in their bytes: so those for AVX-512 are tested on a CPU without
 * it. Their sums are compared bit by bit with the order that {@link DotLoops} states, written out.
 */
class DotCodeTest {
    private static final int K = 640; // a block, and the beginning of another
    private final Arena arena = Arena.ofAuto();
    private final Random random = new Random(3);

    private static Emulator emulator(byte[] code) {
        Optional<Listing> listing = Listing.disassemble(code);
        assumeTrue(listing.isPresent(), "objdump (binutils) is not on the path");
        return new Emulator(listing.get());
    }

    private MemorySegment numbers(int count) {
        MemorySegment x = arena.allocate(4L * count, 64);
        for (int i = 0; i < count; i++) x.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        return x;
    }

    /** A weight's numbers as they are stored; every eighth code or so is a denormal one. */
    private MemorySegment weight(Stored stored, int count) {
        if (stored == Stored.F32) return numbers(count);
        MemorySegment w = arena.allocate((long) count * 4 / stored.group, 64);
        for (int i = 0; i < count; i++) {
            if (stored == Stored.BF16) {
                w.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >>> 16));
            } else {
                int code = random.nextInt(256);
                w.set(JAVA_BYTE, i, (byte) ((code & 0x7f) == 0x7f ? 1 : code));
            }
        }
        return w;
    }

    /** A number of a weight as the loops see it: codes lack 2¹²⁰. */
    private static float number(Stored stored, MemorySegment w, int i) {
        return switch (stored) {
            case F32 -> w.getAtIndex(JAVA_FLOAT, i);
            case BF16 -> Float.intBitsToFloat(w.getAtIndex(JAVA_SHORT, i) << 16);
            default -> {
                int code = w.get(JAVA_BYTE, i);
                yield Float.intBitsToFloat(code << 24 >> 4 & 0x87f00000);
            }
        };
    }

    /** What is multiplied with lane {@code lane} of vector {@code v} of x, of a row that begins at number {@code from}. */
    private static float partner(Stored stored, MemorySegment w, int from, int v, int lane, int lanes) {
        int chunk = v / stored.group, j = v % stored.group;
        return number(stored, w, from + chunk * stored.group * lanes + lane * stored.group + j);
    }

    private static void same(MemorySegment actual, MemorySegment expected) {
        for (int i = 0; i < expected.byteSize() / 4; i++) {
            assertThat(actual.getAtIndex(JAVA_FLOAT, i))
                    .as("number " + i)
                    .isEqualTo(expected.getAtIndex(JAVA_FLOAT, i));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "F32, 256",
        "BF16, 256",
        "FP8, 256",
        "FP8_SCALED, 256",
        "F32, 512",
        "BF16, 512",
        "FP8, 512",
        "FP8_SCALED, 512"
    })
    void rows(Stored stored, int bits) {
        int lanes = bits / 32, rows = 7;
        boolean scaled = stored == Stored.FP8_SCALED;
        MemorySegment x = numbers(K),
                w = weight(stored, rows * K),
                xScales = numbers(K / 128),
                wScales = numbers(K / 128);
        MemorySegment cells = arena.allocate(4L * rows * lanes, 64), expected = arena.allocate(4L * rows * lanes, 64);
        for (int r = 0; r < rows; r++) {
            for (int lane = 0; lane < lanes; lane++) {
                float cell = 0;
                for (int from = 0; from < K; from += stored.block) {
                    float sum = 0;
                    for (int v = from / lanes; v < Math.min(K, from + stored.block) / lanes; v++) {
                        float number = partner(stored, w, r * K, v, lane, lanes);
                        sum = Math.fma(x.getAtIndex(JAVA_FLOAT, v * lanes + lane), number, sum);
                    }
                    int b = from / 128;
                    float factor = scaled
                            ? xScales.getAtIndex(JAVA_FLOAT, b) * wScales.getAtIndex(JAVA_FLOAT, b)
                            : stored == Stored.FP8 ? DotLoops.FP8_FACTOR : 1;
                    cell = Math.fma(sum, factor, cell);
                }
                expected.setAtIndex(JAVA_FLOAT, r * lanes + lane, cell);
            }
        }
        Emulator emulator = emulator(RowCode.of(stored, bits, bits == 512)).memory(x, w, xScales, wScales, cells);
        long stride = w.byteSize() / rows, first = w.address() - 3, to = cells.address() - 8, at = x.address() - 16;
        if (scaled) {
            emulator.call(to, 8, at, 16, xScales.address() - 4, 4, first, 3, stride, wScales.address() - 4, 4, K, rows);
        } else {
            emulator.call(to, 8, at, 16, first, 3, stride, K, rows);
        }
        same(cells, expected);
    }

    @ParameterizedTest
    @CsvSource({"F32, 256", "BF16, 256", "FP8, 256", "F32, 512", "BF16, 512", "FP8, 512"})
    void block(Stored stored, int bits) {
        for (int rows : new int[] {1, 2, 5}) {
            for (int outputs : new int[] {1, 2, 3, 4, 6}) block(stored, bits, rows, outputs, 2 * 4 * bits / 32);
        }
    }

    private void block(Stored stored, int bits, int rows, int outputs, int depth) {
        int lanes = bits / 32, xStep = depth + 16, cellStep = (outputs + 1) * lanes;
        MemorySegment x = numbers(rows * xStep), w = weight(stored, outputs * depth), scales = numbers(rows);
        MemorySegment cells = numbers(rows * cellStep);
        MemorySegment expected = arena.allocate(cells.byteSize(), 64).copyFrom(cells);
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < outputs; o++) {
                for (int lane = 0; lane < lanes; lane++) {
                    float sum = 0;
                    for (int v = 0; v < depth / lanes; v++) {
                        float number = partner(stored, w, o * depth, v, lane, lanes);
                        sum = Math.fma(x.getAtIndex(JAVA_FLOAT, r * xStep + v * lanes + lane), number, sum);
                    }
                    int at = r * cellStep + o * lanes + lane;
                    float scale = scales.getAtIndex(JAVA_FLOAT, r);
                    expected.setAtIndex(JAVA_FLOAT, at, Math.fma(sum, scale, expected.getAtIndex(JAVA_FLOAT, at)));
                }
            }
        }
        long stride = w.byteSize() / outputs, cellBytes = 4L * cellStep, xBytes = 4L * xStep;
        emulator(BlockCode.of(stored, bits))
                .memory(x, w, scales, cells)
                .call(
                        cells.address(),
                        0,
                        cellBytes,
                        x.address(),
                        0,
                        xBytes,
                        w.address(),
                        0,
                        stride,
                        depth,
                        rows,
                        outputs,
                        scales.address(),
                        0);
        same(cells, expected);
    }

    @ParameterizedTest
    @CsvSource({"F32, 256", "BF16, 256", "FP8, 256", "F32, 512", "BF16, 512", "FP8, 512"})
    void addRows(Stored stored, int bits) {
        int dim = 11 * bits / 32, rows = 19;
        for (int count : new int[] {1, 2, 3, 5}) {
            MemorySegment y = numbers(count * dim), p = numbers(count * rows), w = weight(stored, rows * dim);
            MemorySegment expected = arena.allocate(y.byteSize(), 64).copyFrom(y);
            for (int c = 0; c < count; c++) {
                for (int i = 0; i < dim; i++) {
                    float sum = expected.getAtIndex(JAVA_FLOAT, c * dim + i);
                    for (int r = 0; r < rows; r++) {
                        float number = number(stored, w, r * dim + i);
                        sum = Math.fma(p.getAtIndex(JAVA_FLOAT, c * rows + r), number, sum);
                    }
                    expected.setAtIndex(JAVA_FLOAT, c * dim + i, sum);
                }
            }
            long yStride = 4L * dim, pStride = 4L * rows, wStride = w.byteSize() / rows;
            emulator(AddRowsCode.of(stored, bits))
                    .memory(y, p, w)
                    .call(y.address(), 0, yStride, p.address(), 0, pStride, w.address(), 0, wStride, count, rows, dim);
            same(y, expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"256, 0", "256, 1", "512, 0", "512, 1"})
    void fold(int bits, int add) {
        int lanes = bits / 32, rows = 3, count = 16, step = 20 * lanes;
        MemorySegment cells = numbers(rows * step), y = numbers(rows * count);
        MemorySegment expected = arena.allocate(y.byteSize(), 64).copyFrom(y);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < count; i++) {
                float[] sums = new float[lanes];
                for (int l = 0; l < lanes; l++) sums[l] = cells.getAtIndex(JAVA_FLOAT, r * step + i * lanes + l);
                for (int half = lanes / 2; half > 0; half /= 2) {
                    for (int l = 0; l < half; l++) sums[l] += sums[l + half];
                }
                float before = add == 0 ? 0 : expected.getAtIndex(JAVA_FLOAT, r * count + i);
                expected.setAtIndex(JAVA_FLOAT, r * count + i, add == 0 ? sums[0] : sums[0] + before);
            }
        }
        emulator(FoldCode.of(bits))
                .memory(cells, y)
                .call(y.address(), 0, 4L * count, cells.address(), 0, 4L * step, rows, count, add);
        same(y, expected);
    }
}
