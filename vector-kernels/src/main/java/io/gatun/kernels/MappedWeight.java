package io.gatun.kernels;

import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** A weight of {@link VectorMatmul} that is read where it lies, for example in a mapped checkpoint: nothing is made of it. */
final class MappedWeight extends Weight {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int group;
    private final int block;
    private final MemorySegment data;
    private final long rowBytes;
    private final MemorySegment scales; // null unless block-scaled
    private final long scalesStride;

    MappedWeight(Tensor value, Format format) {
        super(value, null, format);
        if (value.rank() != 2 || value.dtype() != DType.F32 && value.dtype() != DType.BF16) {
            throw new TensorException("a mapped weight is f32[n, k] or bf16[n, k]; this is " + value);
        }
        if (format == Format.FP8) {
            throw new TensorException(
                    "%s: products in fp8 need a block-scaled weight, codes with their scales".formatted(value));
        }
        group = value.dtype() == DType.BF16 ? 2 : 1;
        block = DotLoops.BLOCK;
        data = value.data();
        rowBytes = value.rowStride() * value.dtype().bytes();
        scales = null;
        scalesStride = 0;
    }

    MappedWeight(BlockScaled value, Format format) {
        super(value, format);
        if (value.blockCols() != DotLoops.SCALED_BLOCK || value.blockRows() % MappedProducts.STRIP != 0) {
            throw new TensorException(
                    "%s in blocks of %d x %d: the Vector API engine multiplies blocks of 128 columns and a multiple of %d rows"
                            .formatted(value.codes(), value.blockRows(), value.blockCols(), MappedProducts.STRIP));
        }
        group = 4;
        block = format == Format.FP8 ? DotLoops.SCALED_BLOCK : DotLoops.BLOCK;
        data = value.codes().data();
        rowBytes = value.codes().rowStride();
        scales = value.scales().data();
        scalesStride = value.scales().rowStride();
    }

    /** Numbers that share a 32-bit lane: the group of {@link LaneOrder}. */
    int group() {
        return group;
    }

    /** Numbers along k that are summed from zero before they are scaled and added. */
    int block() {
        return block;
    }

    boolean isScaled() {
        return scales != null;
    }

    /** Whether activations are multiplied by the scales before they meet the codes; otherwise sums of blocks are. */
    boolean scalesActivations() {
        return isScaled() && format() != Format.FP8;
    }

    /** Whether the kernels for few rows can read it as it is: exact values in whole chunks, codes for codes in whole blocks. */
    boolean isReadInPlace() {
        return k() % (format() == Format.FP8 ? block : LaneOrder.chunk(group)) == 0;
    }

    /** Whether products with {@code other} see their activations in the same form. */
    boolean isLike(MappedWeight other) {
        return group == other.group && format() == other.format();
    }

    DType dtype() {
        return isScaled() ? blocks().codes().dtype() : value().dtype();
    }

    MemorySegment data() {
        return data;
    }

    /** The byte of {@link #data} where number {@code from} of row {@code row} lies. */
    long at(int row, int from) {
        return row * rowBytes + (long) from * dtype().bytes();
    }

    /** Bytes from the start of a row to the next. */
    long rowBytes() {
        return rowBytes;
    }

    MemorySegment scales() {
        return scales;
    }

    /** The byte of {@link #scales} with the scale of row {@code row} for number {@code from} along k, which begins one's stretch. */
    long scalesAt(int row, int from) {
        return Float.BYTES * (row / blocks().blockRows() * scalesStride + from / DotLoops.SCALED_BLOCK);
    }

    /** What the sums of the block from {@code from} of row {@code row} are multiplied by, beside the scale of the activations. */
    float blockScale(int row, int from) {
        return format() == Format.FP8 ? scales.get(FLOAT, scalesAt(row, from)) : 1;
    }

    /**
     * Writes {@code rows} rows from {@code row}, their numbers {@code from} to {@code from + depth}, as f32 in {@link LaneOrder} from
     * byte {@code at} of {@code to}, {@link #block} numbers apart.
     */
    void expand(MemorySegment to, long at, int row, int rows, int from, int depth) {
        for (int r = 0; r < rows; r++) {
            long rowAt = at + (long) Float.BYTES * block * r;
            long start = at(row + r, from);
            switch (group) {
                case 1 -> LaneOrder.reorder(to, rowAt, data, start, depth, 1, 1);
                case 2 -> LaneOrder.bf16(to, rowAt, data, start, depth);
                default -> LaneOrder.fp8(to, rowAt, data, start, depth);
            }
        }
    }

    @Override
    public long preparedBytes() {
        return 0;
    }
}
