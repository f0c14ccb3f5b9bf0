package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/**
 * Rows of several sequences with random caches and a random weight of some type. The cases of both activation types hold the same
 * numbers; rows are strided, with NaN in the gaps and at the positions that no row may see.
 */
final class AbsorbedCase {
    final Attention.Shape shape;
    final Weight kvB;
    final Pages[] caches;
    final LatentPages[] sequences; // of each row
    final Tensor positions, q, o;
    private final Arena arena = Arena.ofAuto();

    /** Pages that are just there; page i lies wherever {@code pages[i]} is. */
    record Pages(int pageSize, Tensor... tensors) implements LatentPages {
        @Override
        public int pages() {
            return tensors.length;
        }

        @Override
        public Tensor page(int index) {
            return tensors[index];
        }
    }

    private static final class Stored extends Weight {
        Stored(Tensor value) {
            super(value, null, Format.F32);
        }

        Stored(BlockScaled value) {
            super(value, Format.F32);
        }

        @Override
        public long preparedBytes() {
            return 0;
        }
    }

    /**
     * @param type of q and o
     * @param positions of the rows; a row that says -1 - i has the sequence and position of row i, moved back by one
     */
    AbsorbedCase(
            DType type,
            DType cache,
            DType weight,
            Attention.Shape shape,
            int latentDim,
            int pageSize,
            int[] positions) {
        Random random = new Random(41);
        this.shape = shape;
        int rows = positions.length;
        int width = latentDim + shape.ropeDim();
        AttentionCase numbers = new AttentionCase(type, new Attention.Shape(1, 1, 1, 1, 1, 1), 1, 0);
        q = numbers.filled(random, rows, shape.heads() * shape.keyDim());
        o = numbers.strided(rows, shape.heads() * shape.valueDim());
        kvB = weight(random, weight, shape.heads() * shape.kvDim(), latentDim);
        this.positions = Tensor.zeros(arena, DType.I32, rows);
        caches = new Pages[rows];
        for (int r = 0; r < rows; r++) {
            boolean shared = positions[r] < 0;
            int of = -1 - positions[r];
            int position = shared ? (int) this.positions.get(of) - 1 : positions[r];
            caches[r] = shared ? caches[of] : pages(random, cache, width, pageSize, position + 1);
            this.positions.set(r, position);
        }
        sequences = caches.clone();
    }

    private Pages pages(Random random, DType type, int width, int pageSize, int positions) {
        Tensor[] pages = new Tensor[Math.ceilDiv(positions, pageSize) + 1];
        for (int i = pages.length - 1; i >= 0; i--) { // not in their order in memory
            pages[i] = Tensor.zeros(arena, type, pageSize, width + 5).columns(3, width + 3);
        }
        for (int j = 0; j < pages.length * pageSize; j++) {
            for (int c = 0; c < width; c++) {
                double value = j < positions ? random.nextGaussian() : Double.NaN;
                put(pages[j / pageSize], j % pageSize, c, (float) value);
            }
        }
        return new Pages(pageSize, pages);
    }

    static void put(Tensor tensor, int row, int col, float value) {
        if (tensor.dtype() == DType.BF16) {
            long at = Short.BYTES * (row * tensor.rowStride() + col);
            tensor.data().set(JAVA_SHORT_UNALIGNED, at, Bf16.encode(value));
        } else {
            tensor.set(row, col, value);
        }
    }

    private Weight weight(Random random, DType type, int n, int k) {
        if (type == DType.F8_E4M3) return blockScaled(random, n, k);
        Tensor value = Tensor.zeros(arena, type, n, k);
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < k; c++) put(value, r, c, (float) (random.nextGaussian() / Math.sqrt(k)));
        }
        return new Stored(value);
    }

    private Weight blockScaled(Random random, int n, int k) {
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, n, k);
        for (long i = 0; i < codes.count(); i++) {
            int code = random.nextInt(256);
            codes.data().set(JAVA_BYTE, i, (byte) ((code & 0x7f) == 0x7f ? 0 : code)); // any but NaN
        }
        Tensor scales = Tensor.zeros(arena, DType.F32, Math.ceilDiv(n, 128), Math.ceilDiv(k, 128));
        for (long i = 0; i < scales.count(); i++) scales.set(i, (0.5 + random.nextDouble()) / 100 / Math.sqrt(k));
        return new Stored(new BlockScaled(codes, scales, 128, 128));
    }

    void run(Attention attention) {
        attention.absorbed(o, q, kvB, sequences, positions, shape);
    }
}
