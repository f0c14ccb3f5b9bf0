package io.gatun.model.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Fp8;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Rows of a weight in a form that the GPU wants, with zeros where its rows or columns end before the GPU's do. */
interface WeightRows extends RowTransfer.Rows {
    int rows();

    /** Bytes of a row without padding. */
    long bytes();

    void move(MemorySegment pinned, long at, int row);

    @Override
    default void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker) {
        for (int row = from; row < from + count; row++, at += rowBytes) {
            long done = 0;
            if (row < rows()) {
                move(pinned, at, row);
                done = bytes();
            }
            pinned.asSlice(at + done, rowBytes - done).fill((byte) 0);
        }
    }

    /** Numbers or codes as they are. */
    record Plain(Tensor from) implements WeightRows {
        @Override
        public int rows() {
            return from.rows();
        }

        @Override
        public long bytes() {
            return (long) from.cols() * from.dtype().bytes();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            long stride = from.rowStride() * from.dtype().bytes();
            MemorySegment.copy(from.data(), row * stride, pinned, at, bytes());
        }
    }

    /** f32 numbers rounded to bf16. */
    record Rounded(Tensor from) implements WeightRows {
        @Override
        public int rows() {
            return from.rows();
        }

        @Override
        public long bytes() {
            return 2L * from.cols();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            Bf16.encode(pinned, at, from.data(), Float.BYTES * row * from.rowStride(), from.cols());
        }
    }

    /** bf16 numbers as f32. */
    record Exact(Tensor from) implements WeightRows {
        @Override
        public int rows() {
            return from.rows();
        }

        @Override
        public long bytes() {
            return (long) Float.BYTES * from.cols();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            Bf16.decode(pinned, at, from.data(), Short.BYTES * row * from.rowStride(), from.cols());
        }
    }

    /** Codes times scales in f32. */
    record Widened(BlockScaled from) implements WeightRows {
        @Override
        public int rows() {
            return from.rows();
        }

        @Override
        public long bytes() {
            return (long) Float.BYTES * from.cols();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            for (int c = 0; c < from.cols(); c++) pinned.set(JAVA_FLOAT_UNALIGNED, at + 4L * c, number(from, row, c));
        }
    }

    /** Codes times scales, rounded to bf16. */
    record Decoded(BlockScaled from) implements WeightRows {
        @Override
        public int rows() {
            return from.rows();
        }

        @Override
        public long bytes() {
            return 2L * from.cols();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            for (int c = 0; c < from.cols(); c++) {
                pinned.set(JAVA_SHORT_UNALIGNED, at + 2L * c, Bf16.encode(number(from, row, c)));
            }
        }
    }

    /** The number that a code stands for. */
    private static float number(BlockScaled from, int row, int col) {
        Tensor codes = from.codes(), scales = from.scales();
        long scale = row / from.blockRows() * scales.rowStride() + col / from.blockCols();
        return Fp8.decode(codes.data().get(JAVA_BYTE, row * codes.rowStride() + col))
                * scales.data().get(JAVA_FLOAT_UNALIGNED, Float.BYTES * scale);
    }

    /** Columns of codes as rows. */
    record TransposedCodes(Tensor from) implements WeightRows {
        @Override
        public int rows() {
            return from.cols();
        }

        @Override
        public long bytes() {
            return from.rows();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            MemorySegment data = from.data();
            long stride = from.rowStride();
            for (int i = 0; i < from.rows(); i++) {
                pinned.set(JAVA_BYTE, at + i, data.get(JAVA_BYTE, i * stride + row));
            }
        }
    }

    /** Columns of scales as rows. */
    record TransposedScales(Tensor from) implements WeightRows {
        @Override
        public int rows() {
            return from.cols();
        }

        @Override
        public long bytes() {
            return (long) Float.BYTES * from.rows();
        }

        @Override
        public void move(MemorySegment pinned, long at, int row) {
            for (int i = 0; i < from.rows(); i++) {
                float scale = from.data().get(JAVA_FLOAT_UNALIGNED, Float.BYTES * (i * from.rowStride() + row));
                pinned.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, scale);
            }
        }
    }
}
