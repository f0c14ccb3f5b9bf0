package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Products with weights where they lie, against the reference: every dtype and format, unaligned, at sizes beside every tile. */
class MappedProductsTest {
    private static final int CALLS = 100;
    private static final int WARM_UPS = 200;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final Team TEAM = new Team(2);
    private static final MatmulEngine FAST = new VectorMatmul(TEAM);
    private static final MatmulEngine PLAIN = new ReferenceMatmul();

    /** What a weight is stored as and multiplied in. */
    enum Kind {
        F32_AS_IT_IS(DType.F32, Format.F32),
        F32_ROUNDED(DType.F32, Format.BF16),
        BF16_EXACT(DType.BF16, Format.F32),
        BF16_BOTH(DType.BF16, Format.BF16),
        FP8_EXACT(DType.F8_E4M3, Format.F32),
        FP8_TIMES_BF16(DType.F8_E4M3, Format.BF16),
        FP8_BOTH(DType.F8_E4M3, Format.FP8);

        final DType dtype;
        final Format format;

        Kind(DType dtype, Format format) {
            this.dtype = dtype;
            this.format = format;
        }
    }

    private final Arena arena = Arena.ofAuto();

    @AfterAll
    static void endTheTeam() {
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 64, 9",
        "1, 1, 1",
        "1, 128, 1",
        "1, 130, 65",
        "1, 1408, 130",
        "2, 256, 33",
        "3, 300, 5",
        "4, 31, 7",
        "5, 129, 150",
        "13, 512, 66",
        "97, 640, 35",
        "200, 127, 4",
        "2, 33024, 3"
    })
    void productsAgree(int rows, int k, int n) {
        for (Kind kind : Kind.values()) {
            Random random = new Random(31L * rows + k);
            Weight fast = weight(kind, random, n, k), plain = twin(fast);
            Tensor x = strided(random, rows, k);
            for (Accumulate mode : Accumulate.values()) {
                Tensor y = strided(random, rows, n), y2 = copy(y);
                FAST.forward(y, x, fast, mode);
                PLAIN.forward(y2, x, plain, mode);
                assertClose(y, y2, kind + " " + mode);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void groupsAgree(Kind kind) {
        int[] sizes = {3, 0, 130, 1, 0, 48, 7, 0};
        int k = 160, n = 21, rows = 200; // the last eleven rows belong to nobody
        Random random = new Random(8);
        Weight[] fast = new Weight[sizes.length], plain = new Weight[sizes.length];
        Tensor offsets = Tensor.zeros(arena, DType.I32, sizes.length + 1);
        for (int e = 0; e < sizes.length; e++) {
            fast[e] = weight(kind, random, n, k);
            plain[e] = twin(fast[e]);
            offsets.set(e + 1, offsets.get(e) + sizes[e]);
        }
        Tensor x = strided(random, rows, k);
        Tensor y = strided(random, rows, n), y2 = copy(y);
        FAST.forward(y, x, fast, offsets);
        PLAIN.forward(y2, x, plain, offsets);
        assertClose(y, y2, kind.toString());
    }

    @ParameterizedTest
    @EnumSource
    void bitsDependOnNeitherOtherRowsNorThreads(Kind kind) {
        int rows = 100, n = 150;
        for (int k : new int[] {1152, 333}) { // read in place; through scratch only
            Random random = new Random(k);
            Weight w = weight(kind, random, n, k);
            Tensor x = strided(random, rows, k);
            Tensor alone = Tensor.zeros(arena, DType.F32, rows, n);
            for (int r = 0; r < rows; r++) FAST.forward(alone.slice(r, r + 1), x.slice(r, r + 1), w, Accumulate.WRITE);
            for (int threads = 1; threads <= 3; threads++) {
                try (Team team = new Team(threads)) {
                    MatmulEngine engine = new VectorMatmul(team);
                    for (int batch : new int[] {2, 3, 5, 16, 100}) {
                        Tensor y = Tensor.zeros(arena, DType.F32, batch, n);
                        engine.forward(y, x.slice(rows - batch, rows), w, Accumulate.WRITE);
                        assertThat(y.data()
                                        .mismatch(
                                                alone.slice(rows - batch, rows).data()))
                                .as("%s, k %d, batch %d, %d threads", kind, k, batch, threads)
                                .isEqualTo(-1);
                    }
                }
            }
        }
    }

    @Test
    @Tag("allocation")
    void warmCallsAllocateNothing() {
        Random random = new Random(5);
        int k = 384, n = 40;
        try (Team team = new Team(1)) {
            MatmulEngine engine = new VectorMatmul(team);
            Tensor x = strided(random, 40, k), y = strided(random, 40, n);
            Tensor row = x.slice(0, 1), yRow = y.slice(0, 1);
            Tensor offsets = Tensor.zeros(arena, DType.I32, 3);
            offsets.set(1, 1);
            offsets.set(2, 10);
            Weight[] single = new Weight[Kind.values().length];
            Weight[][] experts = new Weight[single.length][];
            for (Kind kind : Kind.values()) {
                single[kind.ordinal()] = weight(kind, random, n, k);
                experts[kind.ordinal()] = new Weight[] {single[kind.ordinal()], weight(kind, random, n, k)};
            }
            Runnable step = () -> {
                for (int i = 0; i < single.length; i++) {
                    engine.forward(yRow, row, single[i], Accumulate.WRITE);
                    engine.forward(y, x, single[i], Accumulate.ADD);
                    engine.forward(y, x, experts[i], offsets);
                }
            };
            long allocated = 1;
            for (int block = 0; block < WARM_UPS && allocated > 0; block++) allocated = allocatedBy(step);
            assertThat(allocated).as("bytes after %d warm-ups", WARM_UPS).isZero();
        }
    }

    private static long allocatedBy(Runnable step) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) step.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    @Test
    void refusesWhatItCannotMultiply() {
        Tensor value = Tensor.zeros(arena, DType.F32, 3, 4);
        for (MatmulEngine engine : new MatmulEngine[] {FAST, PLAIN}) {
            assertThatThrownBy(() -> engine.map(value, Format.FP8))
                    .isInstanceOf(TensorException.class)
                    .hasMessageContaining("codes");
        }
        assertThatThrownBy(() -> FAST.map(Tensor.zeros(arena, DType.F64, 3, 4), Format.F32))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("f64[3, 4]");
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, 64, 64);
        BlockScaled small = new BlockScaled(codes, Tensor.zeros(arena, DType.F32, 1, 2), 64, 32);
        assertThatThrownBy(() -> FAST.map(small, Format.F32))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("64 x 32");
        BlockScaled odd = new BlockScaled(codes, Tensor.zeros(arena, DType.F32, 64, 1), 1, 128);
        assertThatThrownBy(() -> FAST.map(odd, Format.F32))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("1 x 128");
    }

    @Test
    void checksShapesAndWhatAWeightIs() {
        Weight w = FAST.map(Tensor.zeros(arena, DType.F32, 3, 4), Format.F32);
        Tensor x = Tensor.zeros(arena, DType.F32, 2, 4), y = Tensor.zeros(arena, DType.F32, 2, 3);
        assertThatThrownBy(() -> FAST.forward(x, x, w, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("f32[2, 3]");
        assertThatThrownBy(() -> FAST.forward(y, y, w, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("f32[2, 4]");
        assertThatThrownBy(() -> FAST.inputGrad(x, y, w, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("mapped");
        assertThatThrownBy(() -> FAST.weightGrad(w, y, x))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("mapped");
        Weight packed = FAST.prepare(arena, Tensor.zeros(arena, DType.F32, 3, 4), null, Format.F32);
        Weight rounded = FAST.map(Tensor.zeros(arena, DType.F32, 3, 4), Format.BF16);
        Tensor offsets = Tensor.zeros(arena, DType.I32, 3);
        for (Weight[] mixed : new Weight[][] {{w, packed}, {packed, w}, {w, rounded}}) {
            assertThatThrownBy(() -> FAST.forward(y, x, mixed, offsets))
                    .isInstanceOf(TensorException.class)
                    .hasMessageContaining("mapped");
        }
        FAST.refresh(new Weight[] {w, packed}); // nothing to do for w
        assertThat(w.preparedBytes()).isZero();
    }

    private Weight weight(Kind kind, Random random, int n, int k) {
        return kind.dtype == DType.F8_E4M3
                ? FAST.map(codes(random, n, k), kind.format)
                : FAST.map(values(kind.dtype, random, n, k), kind.format);
    }

    private static Weight twin(Weight fast) {
        return fast.blocks() == null ? PLAIN.map(fast.value(), fast.format()) : PLAIN.map(fast.blocks(), fast.format());
    }

    /** Normal numbers at an odd address, as mapped files have them. */
    private Tensor values(DType dtype, Random random, int n, int k) {
        MemorySegment data = arena.allocate((long) n * k * dtype.bytes() + 1).asSlice(1);
        for (long i = 0; i < (long) n * k; i++) {
            float value = (float) random.nextGaussian();
            if (dtype == DType.F32) {
                data.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i, value);
            } else {
                data.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * i, Bf16.encode(value));
            }
        }
        return Tensor.of(data, dtype, n, k);
    }

    /** All codes but NaN, denormal ones more often than others, in blocks of 128 x 128, at an odd address. */
    private BlockScaled codes(Random random, int n, int k) {
        MemorySegment data = arena.allocate((long) n * k + 1).asSlice(1);
        for (long i = 0; i < data.byteSize(); i++) {
            int code = random.nextInt(8) == 0 ? random.nextInt(8) : random.nextInt(127);
            data.set(ValueLayout.JAVA_BYTE, i, (byte) (random.nextBoolean() ? code | 128 : code));
        }
        Tensor scales = Tensor.zeros(arena, DType.F32, Math.ceilDiv(n, 128), Math.ceilDiv(k, 128));
        for (long i = 0; i < scales.count(); i++) scales.set(i, Math.exp(random.nextGaussian()) * 1e-3);
        return new BlockScaled(Tensor.of(data, DType.F8_E4M3, n, k), scales, 128, 128);
    }

    /** Normal numbers in a column range of a wider matrix. */
    private Tensor strided(Random random, int rows, int cols) {
        Tensor wide =
                Tensor.zeros(arena, DType.F32, rows + 1, cols + 3); // the row more: a view of no rows stays inside too
        for (long i = 0; i < wide.count(); i++) wide.set(i, random.nextGaussian());
        return wide.columns(2, cols + 2).slice(0, rows);
    }

    private Tensor copy(Tensor tensor) {
        Tensor copy = Tensor.zeros(arena, DType.F64, tensor.shape());
        copy.copyFrom(tensor);
        return copy;
    }

    private static void assertClose(Tensor found, Tensor expected, String what) {
        double largest = 0;
        for (long i = 0; i < expected.count(); i++) largest = Math.max(largest, Math.abs(expected.get(i)));
        for (long i = 0; i < expected.count(); i++) {
            assertThat(Math.abs(found.get(i) - expected.get(i)))
                    .as("%s: element %d is %s, expected %s", what, i, found.get(i), expected.get(i))
                    .isLessThanOrEqualTo(1e-5 * largest);
        }
    }
}
