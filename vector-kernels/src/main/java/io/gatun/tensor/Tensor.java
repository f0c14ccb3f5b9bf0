package io.gatun.tensor;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;

/**
 * A view of elements in memory that somebody else owns (an {@link Arena}, a mapped file, a device allocator): views are
 * free to make and drop, and end with their memory. Row-major. All dimensions but the last are rows; rows may lie further
 * apart than they are long ({@link #rowStride}), which is how a column range of a matrix is a view too.
 */
public final class Tensor {
    private static final long ALIGNMENT = 64;

    private final Place place;
    private final MemorySegment data;
    private final long deviceAddress;
    private final Arena
            deviceMemory; // kept from ending while a view of it is there; null for memory that nobody tells of
    private final DType dtype;
    private final long[] shape;
    private final long rowStride;

    private Tensor(MemorySegment data, DType dtype, long[] shape, long rowStride) {
        this.place = Place.HOST;
        this.data = data;
        this.deviceAddress = 0;
        this.deviceMemory = null;
        this.dtype = dtype;
        this.shape = shape;
        this.rowStride = rowStride;
    }

    private Tensor(long deviceAddress, Arena deviceMemory, DType dtype, long[] shape, long rowStride) {
        this.place = Place.DEVICE;
        this.data = null;
        this.deviceAddress = deviceAddress;
        this.deviceMemory = deviceMemory;
        this.dtype = dtype;
        this.shape = shape;
        this.rowStride = rowStride;
    }

    /** A zeroed, contiguous, 64-byte aligned tensor in host memory that lives as long as {@code arena}. */
    public static Tensor zeros(Arena arena, DType dtype, long... shape) {
        long bytes = Math.multiplyExact(count(shape), dtype.bytes());
        return new Tensor(arena.allocate(Math.max(bytes, 1), ALIGNMENT), dtype, shape.clone(), last(shape));
    }

    /**
     * A contiguous tensor over {@code data}, sharing its memory.
     *
     * @throws TensorException when {@code data} is on the heap or its size is not that of the shape
     */
    public static Tensor of(MemorySegment data, DType dtype, long... shape) {
        long bytes = Math.multiplyExact(count(shape), dtype.bytes());
        if (data.byteSize() != bytes) {
            throw new TensorException("%s has %d bytes; the memory given has %d"
                    .formatted(describe(dtype, shape), bytes, data.byteSize()));
        }
        if (!data.isNative()) throw new TensorException("a tensor needs off-heap memory; this is a Java array");
        return new Tensor(data, dtype, shape.clone(), last(shape));
    }

    /** A contiguous tensor in GPU memory at {@code address}; it has no {@link #data()}. */
    public static Tensor onDevice(long address, DType dtype, long... shape) {
        return onDevice(null, address, dtype, shape);
    }

    /** The same in memory that lives as long as {@code memory}, which views keep from ending by itself. */
    public static Tensor onDevice(Arena memory, long address, DType dtype, long... shape) {
        count(shape);
        return new Tensor(address, memory, dtype, shape.clone(), last(shape));
    }

    public Place place() {
        return place;
    }

    public DType dtype() {
        return dtype;
    }

    public int rank() {
        return shape.length;
    }

    public long[] shape() {
        return shape.clone();
    }

    /** The size of dimension {@code dim}; negative counts from the last. */
    public long size(int dim) {
        return shape[dim < 0 ? shape.length + dim : dim];
    }

    /** The number of elements. */
    public long count() {
        return count(shape);
    }

    /** The number of rows: the product of all dimensions but the last. */
    public int rows() {
        long cols = cols();
        return Math.toIntExact(cols == 0 ? 0 : count(shape) / cols);
    }

    /** The last dimension; 1 for a scalar. */
    public int cols() {
        return Math.toIntExact(last(shape));
    }

    /** The distance between the starts of neighbouring rows, in elements. */
    public long rowStride() {
        return rowStride;
    }

    public boolean isContiguous() {
        return rowStride == last(shape) || rows() <= 1;
    }

    /**
     * The memory from the first element to the last, in place.
     *
     * @throws TensorException for a tensor in GPU memory
     */
    public MemorySegment data() {
        if (place == Place.DEVICE)
            throw new TensorException(this + " lies in GPU memory; copy it to the host to read it");
        return data;
    }

    /** The GPU's address of the first element, for a tensor in GPU memory. */
    public long deviceAddress() {
        if (place != Place.DEVICE) throw new TensorException(this + " lies in host memory; it has no device address");
        return deviceAddress;
    }

    /**
     * Elements {@code from} (included) to {@code to} (excluded) of the first dimension; shares the memory.
     *
     * @throws TensorException when the range leaves the tensor
     */
    public Tensor slice(long from, long to) {
        if (from < 0 || to > shape[0] || from > to) {
            throw new TensorException(
                    "slice [%d, %d): the first dimension of %s has %d elements".formatted(from, to, this, shape[0]));
        }
        long[] part = shape.clone();
        part[0] = to - from;
        if (rank() == 1) return view(from, to - from, part, to - from);
        long rowsEach = rows() / Math.max(shape[0], 1);
        return view(from * rowsEach * rowStride, span((to - from) * rowsEach, last(shape)), part, rowStride);
    }

    /**
     * Columns {@code from} (included) to {@code to} (excluded) of every row; shares the memory, so rows keep their stride.
     *
     * @throws TensorException when the range leaves the tensor
     */
    public Tensor columns(long from, long to) {
        if (from < 0 || to > last(shape) || from > to) {
            throw new TensorException(
                    "columns [%d, %d): rows of %s have %d elements".formatted(from, to, this, cols()));
        }
        long[] part = shape.clone();
        part[part.length - 1] = to - from;
        return view(from, span(rows(), to - from), part, rowStride);
    }

    /**
     * The same elements under another shape.
     *
     * @throws TensorException when the counts differ or rows are not contiguous
     */
    public Tensor reshape(long... other) {
        if (count(other) != count()) {
            throw new TensorException("%s has %d elements; %s asks for %d"
                    .formatted(this, count(), describe(dtype, other), count(other)));
        }
        if (!isContiguous()) throw new TensorException(this + " is a column range and cannot be reshaped");
        if (place == Place.DEVICE) return new Tensor(deviceAddress, deviceMemory, dtype, other.clone(), last(other));
        return new Tensor(data, dtype, other.clone(), last(other));
    }

    private Tensor view(long element, long span, long[] part, long stride) {
        long at = element * dtype.bytes();
        if (place == Place.DEVICE) return new Tensor(deviceAddress + at, deviceMemory, dtype, part, stride);
        return new Tensor(data.asSlice(at, span * dtype.bytes()), dtype, part, stride);
    }

    private long span(long rows, long cols) {
        return rows == 0 || cols == 0 ? 0 : (rows - 1) * rowStride + cols;
    }

    /** Reads element ({@code row}, {@code col}) as a number of any floating or whole type; for tests and reports, not hot paths. */
    public double get(long row, long col) {
        long at = (row * rowStride + col) * dtype.bytes();
        return switch (dtype) {
            case F64 -> data().get(JAVA_DOUBLE_UNALIGNED, at);
            case F32 -> data().get(JAVA_FLOAT_UNALIGNED, at);
            case BF16 -> Float.intBitsToFloat(data().get(JAVA_SHORT_UNALIGNED, at) << 16);
            case I64 -> data().get(JAVA_LONG_UNALIGNED, at);
            case I32 -> data().get(JAVA_INT_UNALIGNED, at);
            default -> throw new TensorException("elements of " + this + " cannot be read one by one");
        };
    }

    /** Element {@code index} counted row by row. */
    public double get(long index) {
        return get(index / cols(), index % cols());
    }

    /** Writes element ({@code row}, {@code col}); for tests and set-up, not hot paths. */
    public void set(long row, long col, double value) {
        long at = (row * rowStride + col) * dtype.bytes();
        switch (dtype) {
            case F64 -> data().set(JAVA_DOUBLE_UNALIGNED, at, value);
            case F32 -> data().set(JAVA_FLOAT_UNALIGNED, at, (float) value);
            case I64 -> data().set(JAVA_LONG_UNALIGNED, at, (long) value);
            case I32 -> data().set(JAVA_INT_UNALIGNED, at, (int) value);
            default -> throw new TensorException("elements of " + this + " cannot be written one by one");
        }
    }

    /** Writes element {@code index} counted row by row. */
    public void set(long index, double value) {
        set(index / cols(), index % cols(), value);
    }

    /**
     * Copies all elements of {@code source}, which has the same shape and may have another floating type.
     *
     * @throws TensorException when the shapes differ
     */
    public void copyFrom(Tensor source) {
        if (!Arrays.equals(shape, source.shape)) throw new TensorException("cannot copy " + source + " into " + this);
        if (dtype == source.dtype && isContiguous() && source.isContiguous()) {
            data().copyFrom(source.data());
            return;
        }
        for (long r = 0, rows = rows(); r < rows; r++) {
            for (long c = 0, cols = cols(); c < cols; c++) set(r, c, source.get(r, c));
        }
    }

    /** Sets all elements to zero. */
    public void clear() {
        if (isContiguous()) {
            data().fill((byte) 0);
            return;
        }
        for (long r = 0; r < rows(); r++) {
            data().asSlice(r * rowStride * dtype.bytes(), (long) cols() * dtype.bytes())
                    .fill((byte) 0);
        }
    }

    private static long count(long[] shape) {
        long count = 1;
        for (long size : shape) {
            if (size < 0) throw new TensorException("negative size in " + Arrays.toString(shape));
            count = Math.multiplyExact(count, size);
        }
        return count;
    }

    private static long last(long[] shape) {
        return shape.length == 0 ? 1 : shape[shape.length - 1];
    }

    private static String describe(DType dtype, long[] shape) {
        return dtype.name().toLowerCase(Locale.ROOT) + Arrays.toString(shape);
    }

    /** The element type and shape, for example {@code bf16[4, 128, 576]}. */
    @Override
    public String toString() {
        return describe(dtype, shape);
    }
}
