package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** attention_decode.cu against the formulas in double: paged caches, every type of cache and weight, one split and many. */
class CudaDecodeTest extends CudaFixture {
    private static final ReferenceAttention ATTENTION = new ReferenceAttention();

    CudaDecodeTest() {
        super("attention_decode");
    }

    private static Attention.Shape shape(int heads, int nopeDim, int ropeDim, int valueDim) {
        return new Attention.Shape(heads, nopeDim, ropeDim, valueDim, 1, 0.3f);
    }

    /** The addresses of every row's pages, [rows, longest]. */
    private MemorySegment addresses(LatentPages[] sequences, int longest) {
        MemorySegment table = arena.allocate(JAVA_LONG, (long) sequences.length * longest);
        for (int r = 0; r < sequences.length; r++) {
            for (int i = 0; i < sequences[r].pages(); i++) {
                table.setAtIndex(
                        JAVA_LONG,
                        (long) r * longest + i,
                        sequences[r].page(i).data().address());
            }
        }
        return table;
    }

    private static int longest(LatentPages[] sequences) {
        return Stream.of(sequences).mapToInt(LatentPages::pages).max().orElseThrow();
    }

    private static String suffix(DType type) {
        return switch (type) {
            case F32 -> "f32";
            case BF16 -> "bf16";
            default -> "fp8";
        };
    }

    private List<Object> weight(AbsorbedCase x) {
        if (x.kvB.blocks() == null) return List.of(rows(x.kvB.value()));
        return List.of(rows(x.kvB.blocks().codes()), rows(x.kvB.blocks().scales()));
    }

    private static Object[] list(Object... arguments) {
        List<Object> flat = new ArrayList<>();
        for (Object argument : arguments) {
            if (argument instanceof List<?> several) flat.addAll(several);
            else flat.add(argument);
        }
        return flat.toArray();
    }

    private void decode(AbsorbedCase x, DType cache, DType weight, int latentDim, int splitLength) {
        Attention.Shape s = x.shape;
        int rows = x.q.rows(), heads = s.heads(), longest = longest(x.sequences), eights = Math.ceilDiv(rows, 8);
        int most = 0;
        for (int r = 0; r < rows; r++) most = Math.max(most, (int) x.positions.get(r) + 1);
        int splits = Math.ceilDiv(most, splitLength) + 1; // as a captured graph has more than a step needs
        MemorySegment qLatent = nan((long) rows * heads * latentDim), context = nan((long) rows * heads * latentDim);
        MemorySegment partial = nan((long) rows * splits * heads * latentDim);
        MemorySegment softmax = nan(2L * rows * splits * heads);
        launch(
                "absorb_query_" + suffix(weight),
                blocks(Math.ceilDiv(latentDim, 128), heads, eights).of(128, 4L * 8 * s.nopeDim()),
                list(qLatent, rows(x.q), weight(x), rows, s.nopeDim(), s.ropeDim(), s.valueDim(), latentDim));
        Tensor page = x.sequences[0].page(0);
        int width = (latentDim + s.ropeDim() + 3) / 4 * 4 + 4;
        launch(
                "latent_attention_" + suffix(cache),
                blocks(splits, Math.ceilDiv(heads, 16), rows).of(256, 4L * (48 * width + 32 * 16 + 48)),
                partial,
                softmax,
                qLatent,
                rows(x.q),
                addresses(x.sequences, longest),
                longest,
                x.sequences[0].pageSize(),
                page.rowStride(),
                x.positions,
                heads,
                s.nopeDim(),
                s.ropeDim(),
                latentDim,
                splitLength,
                s.scale());
        launch(
                "latent_combine",
                blocks(heads, rows),
                context,
                partial,
                softmax,
                x.positions,
                latentDim,
                splits,
                splitLength);
        launch(
                "expand_context_" + suffix(weight),
                blocks(Math.ceilDiv(s.valueDim(), 8), heads, eights).of(256, 4L * 8 * latentDim),
                list(rows(x.o), context, weight(x), rows, s.nopeDim(), s.valueDim(), latentDim));
    }

    private MemorySegment nan(long count) {
        MemorySegment memory = arena.allocate(JAVA_FLOAT, count);
        memory.fill((byte) 0xff);
        return memory;
    }

    @ParameterizedTest
    @CsvSource({"F32, F32", "BF16, BF16", "BF16, F8_E4M3"})
    void attends(DType cache, DType weight) {
        int[] positions = {0, 31, 32, 75, -4, 5, 6, 7, 63}; // nine rows, so two blocks of the weights' kernels
        Attention.Shape shape = shape(3, 12, 6, 9);
        int latentDim = weight == DType.F8_E4M3 ? 200 : 45;
        AbsorbedCase exact = new AbsorbedCase(DType.F64, cache, weight, shape, latentDim, 32, positions);
        exact.run(ATTENTION);
        for (int splitLength : new int[] {16, 64, 1000}) {
            AbsorbedCase x = new AbsorbedCase(DType.F32, cache, weight, shape, latentDim, 32, positions);
            decode(x, cache, weight, latentDim, splitLength);
            assertClose(x.o, exact.o, 1e-5);
        }
    }

    @Test
    void attendsAtTheWidthsOfDeepSeekV3() {
        Attention.Shape shape = shape(17, 128, 64, 128); // one head more than a block has
        int[] positions = {70};
        AbsorbedCase exact = new AbsorbedCase(DType.F64, DType.BF16, DType.BF16, shape, 512, 64, positions);
        AbsorbedCase x = new AbsorbedCase(DType.F32, DType.BF16, DType.BF16, shape, 512, 64, positions);
        exact.run(ATTENTION);
        decode(x, DType.BF16, DType.BF16, 512, 64);
        assertClose(x.o, exact.o, 2e-5);
    }

    @ParameterizedTest
    @CsvSource({"F32", "BF16"})
    void appendsAndReads(DType type) {
        int latentDim = 30, ropeDim = 4, rows = 5, width = latentDim + ropeDim;
        Tensor cKv = matrix(rows, latentDim, 1), kRope = matrix(rows, ropeDim, 1);
        Tensor positions = Tensor.zeros(arena, DType.I32, rows);
        AbsorbedCase.Pages[] sequences = new AbsorbedCase.Pages[rows];
        AbsorbedCase.Pages[] expected = new AbsorbedCase.Pages[rows];
        for (int r = 0; r < rows; r++) {
            positions.set(r, 20 * r);
            sequences[r] = pages(type, width);
            expected[r] = pages(type, width);
        }
        ATTENTION.append(expected, positions, cKv, kRope);
        int longest = longest(sequences);
        MemorySegment addresses = addresses(sequences, longest);
        long stride = sequences[0].page(0).rowStride();
        String suffix = suffix(type);
        launch(
                "append_latent_" + suffix,
                blocks(rows, 1),
                addresses,
                longest,
                32,
                stride,
                rows(cKv),
                rows(kRope),
                positions,
                latentDim,
                ropeDim);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < 3; i++) assertSame(sequences[r].page(i), expected[r].page(i));
            Tensor latent = matrix(90, latentDim, 1), rope = matrix(90, ropeDim, 2);
            Tensor latentTwin = copy(latent), ropeTwin = copy(rope);
            ATTENTION.cached(latentTwin, ropeTwin, sequences[r]);
            MemorySegment own = addresses.asSlice(8L * r * longest);
            launch(
                    "read_latent_" + suffix,
                    blocks(90, 1),
                    rows(latent),
                    rows(rope),
                    own,
                    32,
                    stride,
                    latentDim,
                    ropeDim);
            assertSame(latent, latentTwin);
            assertSame(rope, ropeTwin);
        }
    }

    private AbsorbedCase.Pages pages(DType type, int width) {
        Tensor[] pages = new Tensor[3];
        for (int i = 0; i < 3; i++)
            pages[i] = Tensor.zeros(arena, type, 32, width + 3).columns(2, width + 2);
        return new AbsorbedCase.Pages(32, pages);
    }
}
