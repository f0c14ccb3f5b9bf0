package io.gatun.model.engine;

import io.gatun.kernels.Weight;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.util.Arrays;

/** Which rows belong to which weight of a product, and where they lie on the GPU: each weight's begin at a multiple of 16. */
final class ExpertRows {
    private int[] starts = new int[2];
    private int[] places = new int[2]; // padded
    private int count;

    /** All {@code rows} rows belong to one weight. */
    void whole(int rows) {
        count = 1;
        starts[0] = 0;
        starts[1] = rows;
        place();
    }

    /**
     * Rows by the offsets of a product over groups.
     *
     * @throws TensorException when offsets fall, leave the {@code rows} rows, or are not one more than the experts
     */
    void groups(Weight[] experts, Tensor offsets, int rows) {
        count = experts.length;
        if (count == 0) throw new TensorException("a product over groups needs at least one expert");
        if (offsets.dtype() != DType.I32 || offsets.count() != count + 1) {
            throw new TensorException("offsets of %d experts are i32[%d], not %s".formatted(count, count + 1, offsets));
        }
        if (starts.length <= count) {
            starts = Arrays.copyOf(starts, count + 1);
            places = Arrays.copyOf(places, count + 1);
        }
        int before = 0;
        for (int e = 0; e <= count; e++) {
            int start = (int) offsets.get(0, e);
            if (start < before || start > rows) {
                throw new TensorException("offset %d of the experts is %d; it must lie between %d and the %d rows"
                        .formatted(e, start, before, rows));
            }
            starts[e] = before = start;
        }
        place();
    }

    private void place() {
        places[0] = 0;
        for (int e = 0; e < count; e++) places[e + 1] = Math.addExact(places[e], padded(rows(e)));
    }

    /**
     * Rows with their padding: a multiple of 16, and above 128 one of 9 to 16 sizes an octave, so that the library's plans for them stay
     * few.
     */
    static int padded(int rows) {
        int step = Math.max(DeviceWeight.PAD, Integer.highestOneBit(rows) / 8);
        return Math.ceilDiv(rows, step) * step;
    }

    int count() {
        return count;
    }

    int start(int expert) {
        return starts[expert];
    }

    int rows(int expert) {
        return starts[expert + 1] - starts[expert];
    }

    int place(int expert) {
        return places[expert];
    }

    int paddedRows(int expert) {
        return places[expert + 1] - places[expert];
    }

    /** All rows on the GPU. */
    int allPlaces() {
        return places[count];
    }
}
