package io.gatun.model.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.kernels.Fp8Rows;
import io.gatun.kernels.Rows;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Rows of activations and gradients between the f32 tensors of the host and the forms that the GPU wants. Each form is one object that
 * is pointed at one matrix after another, so that products allocate nothing.
 */
final class ActivationRows {
    private ActivationRows() {}

    /** The rows {@code start} to {@code start + rows} of an f32 matrix. */
    abstract static class Form implements RowTransfer.Rows {
        MemorySegment data;
        long stride; // bytes
        long start; // the first byte
        int rows;
        int cols;

        final void point(Tensor matrix, int start, int rows) {
            this.data = matrix.data();
            this.stride = Float.BYTES * matrix.rowStride();
            this.start = start * stride;
            this.rows = rows;
            this.cols = matrix.cols();
        }

        final long at(int row) {
            return start + row * stride;
        }
    }

    private static void zero(MemorySegment memory, long at, long bytes) {
        for (long i = 0; i < bytes; i++) memory.set(JAVA_BYTE, at + i, (byte) 0);
    }

    /** To bf16 [rows, padded columns]; rows beyond the matrix are zeros. */
    static final class Rounded extends Form {
        @Override
        public void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker) {
            for (int row = from; row < from + count; row++, at += rowBytes) {
                long done = 0;
                if (row < rows) {
                    Bf16.encode(pinned, at, data, at(row), cols);
                    done = 2L * cols;
                }
                zero(pinned, at + done, rowBytes - done);
            }
        }
    }

    /** To f32 [padded rows, padded columns], and back. */
    static final class Plain extends Form {
        @Override
        public void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker) {
            for (int row = from; row < from + count; row++, at += rowBytes) {
                long done = 0;
                if (row < rows) {
                    done = 4L * cols;
                    MemorySegment.copy(data, at(row), pinned, at, done);
                }
                zero(pinned, at + done, rowBytes - done);
            }
        }
    }

    /** From f32 [rows, padded columns] to the host, written or added. */
    static final class Output extends Form {
        Accumulate mode;

        @Override
        public void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker) {
            int end = Math.min(from + count, rows);
            for (int row = from; row < end; row++, at += rowBytes) {
                Rows.assign(data, at(row), pinned, at, cols, mode);
            }
        }
    }

    /** What quantising forms have beside: where scales go, and memory for each worker. */
    abstract static class Quantized extends Form {
        final WorkerMemory scratch;
        MemorySegment scales;
        long scalesAt; // the byte of the first
        long scalesStride; // bytes from a block's scales to the next block's
        boolean isGradient;

        Quantized(int workers) {
            scratch = new WorkerMemory(workers);
        }

        final void scaleTo(MemorySegment scales, long at, long stride) {
            this.scales = scales;
            this.scalesAt = at;
            this.scalesStride = stride;
        }
    }

    /** To E4M3 [rows, padded columns], a scale for 128 columns of a row: [blocks][rows]. */
    static final class QuantizedRows extends Quantized {
        QuantizedRows(int workers) {
            super(workers);
        }

        void reserve() {
            scratch.reserve(Fp8Rows.scratchBytes(cols));
        }

        @Override
        public void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker) {
            MemorySegment memory = scratch.of(worker);
            for (int row = from; row < from + count; row++, at += rowBytes) {
                long to = scalesAt + 4L * row;
                Fp8Rows.quantize(pinned, at, scales, to, scalesStride, data, at(row), cols, isGradient, memory);
                zero(pinned, at + cols, rowBytes - cols);
            }
        }
    }

    /** To E4M3 [padded columns, padded rows], a scale for 128 rows of a column: [blocks][padded columns]. */
    static final class QuantizedColumns extends Quantized {
        private final WorkerMemory columns; // f32 [group][tokens]
        private int tokens; // padded rows

        QuantizedColumns(int workers) {
            super(workers);
            columns = new WorkerMemory(workers);
        }

        void reserve(int tokens) {
            this.tokens = tokens;
            scratch.reserve(Fp8Rows.scratchBytes(tokens));
            columns.reserve(4L * tokens * RowTransfer.GROUP);
        }

        @Override
        public void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker) {
            int own = Math.max(0, Math.min(count, cols - from));
            long columnBytes = 4L * tokens;
            MemorySegment turned = columns.of(worker);
            Fp8Rows.transpose(turned, 0, columnBytes, data, start + 4L * from, stride, rows, own);
            for (int c = 0; c < own; c++) {
                zero(turned, c * columnBytes + 4L * rows, 4L * (tokens - rows));
                quantize(pinned, at + c * rowBytes, from + c, turned, c * columnBytes, scratch.of(worker));
            }
            for (int c = own; c < count; c++) {
                zero(pinned, at + c * rowBytes, rowBytes);
                for (int b = 0; b < Math.ceilDiv(tokens, Fp8Rows.BLOCK); b++) {
                    scales.set(JAVA_FLOAT_UNALIGNED, scalesAt + 4L * (from + c) + b * scalesStride, 0);
                }
            }
        }

        private void quantize(
                MemorySegment pinned, long at, int column, MemorySegment turned, long from, MemorySegment memory) {
            long to = scalesAt + 4L * column;
            Fp8Rows.quantize(pinned, at, scales, to, scalesStride, turned, from, tokens, isGradient, memory);
        }
    }
}
