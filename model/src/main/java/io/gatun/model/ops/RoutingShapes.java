package io.gatun.model.ops;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** Checks of the tensors that routing reads and writes, before memory is touched. */
final class RoutingShapes {
    private RoutingShapes() {}

    /** All tensors of {@code routing}, for {@code rows} tokens. */
    static void routing(Routing routing, int rows, RouterConfig router) {
        matrix("scores", routing.scores(), DType.F32, rows, router.experts());
        matrix("ids", routing.ids(), DType.I32, rows, router.topK());
        matrix("weights", routing.weights(), DType.F32, rows, router.topK());
        matrix("positions", routing.positions(), DType.I32, rows, router.topK());
        vector("tokens", routing.tokens(), DType.I32, (long) rows * router.topK());
        vector("offsets", routing.offsets(), DType.I32, router.experts() + 1L);
    }

    /** A host tensor of this type with so many rows of so many columns, whatever their stride. */
    static void matrix(String name, Tensor tensor, DType dtype, long rows, int cols) {
        if (tensor.dtype() != dtype || tensor.cols() != cols || tensor.rows() != rows) {
            throw new TensorException("%s is %s; expected %s[%d, %d]".formatted(name, tensor, name(dtype), rows, cols));
        }
        tensor.data(); // says so when the tensor lies elsewhere
    }

    /** A host tensor of this type with {@code count} elements, one after another. */
    static void vector(String name, Tensor tensor, DType dtype, long count) {
        if (tensor.dtype() != dtype || tensor.count() != count || !tensor.isContiguous()) {
            throw new TensorException(
                    "%s is %s; expected %s[%d], contiguous".formatted(name, tensor, name(dtype), count));
        }
        tensor.data();
    }

    /** The bias is there when, and only when, the router has one. */
    static void bias(Tensor bias, RouterConfig router) {
        biasIsThere(bias, router);
        if (bias != null) vector("bias", bias, DType.F32, router.experts());
    }

    static void biasIsThere(Tensor bias, RouterConfig router) {
        if (router.biased() != (bias != null)) {
            throw new TensorException(
                    router.biased()
                            ? "the router is biased; a bias f32[%d] is missing".formatted(router.experts())
                            : "the router has no bias; " + bias + " was given");
        }
    }

    private static String name(DType dtype) {
        return dtype.name().toLowerCase(java.util.Locale.ROOT);
    }
}
