package io.gatun.model.collective;

import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** One process: sums are what they are, and gathers are copies; everything is complete at once. */
public final class SoloCollectives implements Collectives {
    private static final Handle DONE = () -> {};

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public int size() {
        return 1;
    }

    @Override
    public Handle allReduceSum(Tensor x) {
        return DONE;
    }

    @Override
    public Handle allGather(Tensor whole, Tensor part) {
        return copy(whole, part);
    }

    @Override
    public Handle reduceScatterSum(Tensor part, Tensor whole) {
        return copy(part, whole);
    }

    @Override
    public Handle allToAll(Tensor receive, Tensor receiveOffsets, Tensor send, Tensor sendOffsets) {
        int rows = (int) sendOffsets.get(0, 1);
        if (rows != (int) receiveOffsets.get(0, 1) || rows > send.rows() || rows > receive.rows()) {
            throw new TensorException("all-to-all of one process: sends %d rows, receives %d, in %s and %s"
                    .formatted(rows, (int) receiveOffsets.get(0, 1), send, receive));
        }
        receive.slice(0, rows).copyFrom(send.slice(0, rows));
        return DONE;
    }

    @Override
    public Handle send(Tensor x, int to) {
        throw alone("send to", to);
    }

    @Override
    public Handle receive(Tensor x, int from) {
        throw alone("receive from", from);
    }

    private static Handle copy(Tensor to, Tensor from) {
        to.reshape(to.count()).copyFrom(from.reshape(from.count()));
        return DONE;
    }

    private static IllegalStateException alone(String what, int rank) {
        return new IllegalStateException("cannot " + what + " process " + rank + ": this process is alone");
    }

    @Override
    public void close() {}
}
