package io.gatun.model.ops;

import io.gatun.kernels.Embedding;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.util.Locale;

/** What verbs ask of their arguments before memory is touched. Nothing is allocated unless the answer is no. */
final class Demand {
    private Demand() {}

    /** {@code tensor} has this element type and, all dimensions but the last taken as rows, this shape. */
    static void matrix(String verb, String name, Tensor tensor, DType dtype, int rows, int cols) {
        if (tensor.dtype() == dtype && tensor.rows() == rows && tensor.cols() == cols) return;
        throw new TensorException("%s: %s is %s; the other arguments ask for %s[%d, %d]"
                .formatted(verb, name, tensor, lower(dtype), rows, cols));
    }

    /** {@code tensor} has this element type and {@code count} elements without gaps. */
    static void vector(String verb, String name, Tensor tensor, DType dtype, long count) {
        if (tensor.dtype() == dtype && tensor.count() == count && tensor.isContiguous()) return;
        throw new TensorException("%s: %s is %s%s; the other arguments ask for %s[%d] without gaps"
                .formatted(verb, name, tensor, tensor.isContiguous() ? "" : " with gaps", lower(dtype), count));
    }

    /** {@code ids} are {@code rows} i32 numbers from 0 to {@code vocabulary}. */
    static void ids(String verb, String name, Tensor ids, int rows, int vocabulary) {
        if (ids.dtype() != DType.I32 || ids.count() != rows) {
            throw new TensorException(
                    "%s: %s is %s; the other arguments ask for %d of i32".formatted(verb, name, ids, rows));
        }
        int length = ids.cols();
        for (int row = 0; row < rows; row++) {
            int id = Embedding.id(ids.data(), length, ids.rowStride(), row);
            if (id < 0 || id >= vocabulary) {
                throw new TensorException("%s: %s[%d] is %d; the vocabulary has %d entries, from 0 on"
                        .formatted(verb, name, row, id, vocabulary));
            }
        }
    }

    static String lower(DType dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }
}
