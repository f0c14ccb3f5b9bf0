package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.Roofs;
import io.gatun.kernels.Weight;
import io.gatun.model.ops.Attention;
import io.gatun.model.ops.LatentPages;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** One decoded token's attention against a BF16 latent cache, at the shape of dsv3-1b3. */
public class AbsorbedAttentionBenchmark extends CpuBenchmark {
    private static final int HEADS = 16;
    private static final int NOPE = 128;
    private static final int ROPE = 64;
    private static final int VALUE = 128;
    private static final int LATENT = 512;
    private static final int WIDTH = LATENT + ROPE;
    private static final int PAGE = 64;
    private static final Attention.Shape SHAPE = new Attention.Shape(HEADS, NOPE, ROPE, VALUE, 1, 0.07f);

    /** Cached tokens. */
    @Param({"512", "2048"})
    public int depth;

    private Tensor o; // [1, HEADS * VALUE]
    private Tensor q; // [1, HEADS * (NOPE + ROPE)]
    private Weight kvB; // [HEADS * (NOPE + VALUE), LATENT]
    private Tensor cache; // bf16 [depth, WIDTH]
    private LatentPages[] sequences;
    private Tensor positions;
    private MemorySegment absorbed; // [LATENT]
    private MemorySegment scores; // [depth]
    private MemorySegment context; // [LATENT]

    /** Pages that are slices of one tensor. */
    private record Pages(Tensor[] all) implements LatentPages {
        @Override
        public int pageSize() {
            return PAGE;
        }

        @Override
        public int pages() {
            return all.length;
        }

        @Override
        public Tensor page(int index) {
            return all[index];
        }
    }

    @Override
    void setUp() {
        o = memory.zeros(1, HEADS * VALUE);
        q = memory.normal(1, HEADS * SHAPE.keyDim());
        kvB = ops.products().map(memory.bf16(HEADS * SHAPE.kvDim(), LATENT), Format.BF16);
        cache = memory.bf16(depth, WIDTH);
        Tensor[] pages = new Tensor[depth / PAGE];
        for (int i = 0; i < pages.length; i++) pages[i] = cache.slice(i * PAGE, (i + 1) * PAGE);
        sequences = new LatentPages[] {new Pages(pages)};
        positions = memory.ints(1);
        positions.set(0, depth - 1);
        absorbed = memory.zeros(LATENT).data();
        scores = memory.zeros(depth).data();
        context = memory.zeros(LATENT).data();
    }

    @Benchmark
    public Tensor absorbed() {
        ops.attention().absorbed(o, q, kvB, sequences, positions, SHAPE);
        return o;
    }

    @Benchmark
    public Tensor absorbedTwin() {
        for (int h = 0; h < HEADS; h++) {
            long query = (long) h * SHAPE.keyDim();
            Scalar.clear(absorbed, 0, LATENT);
            for (int d = 0; d < NOPE; d++) {
                addScaled(absorbed, Scalar.get(q.data(), query + d), kvB.value(), weightRow(h, d));
            }
            for (int j = 0; j < depth; j++) {
                float score = dot(absorbed, 0, cache, (long) j * WIDTH, LATENT)
                        + dot(q.data(), query + NOPE, cache, (long) j * WIDTH + LATENT, ROPE);
                Scalar.set(scores, j, score * SHAPE.scale());
            }
            Scalar.softmax(scores, depth);
            Scalar.clear(context, 0, LATENT);
            for (int j = 0; j < depth; j++) addScaled(context, Scalar.get(scores, j), cache, (long) j * WIDTH);
            for (int d = 0; d < VALUE; d++) {
                float value = dot(context, 0, kvB.value(), weightRow(h, NOPE + d), LATENT);
                Scalar.set(o.data(), (long) h * VALUE + d, value);
            }
        }
        return o;
    }

    private static long weightRow(int head, int row) {
        return ((long) head * SHAPE.kvDim() + row) * LATENT;
    }

    private static float dot(MemorySegment x, long at, Tensor bf16, long bf16At, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) {
            sum += Scalar.get(x, at + i) * Bf16.decode(bf16.data().getAtIndex(JAVA_SHORT, bf16At + i));
        }
        return sum;
    }

    private static void addScaled(MemorySegment y, float factor, Tensor bf16, long at) {
        for (int i = 0; i < LATENT; i++) {
            float x = Bf16.decode(bf16.data().getAtIndex(JAVA_SHORT, at + i));
            Scalar.set(y, i, Scalar.get(y, i) + factor * x);
        }
    }

    @Benchmark
    public long absorbedRoof() {
        return read(kvB.value()) | read(cache);
    }

    private static long read(Tensor bf16) {
        return Roofs.read(bf16.data(), 0, (int) (bf16.count() * DType.BF16.bytes() / Roofs.PIECE));
    }
}
