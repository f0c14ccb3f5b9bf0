package io.gatun.trainer.command;

import io.gatun.kernels.MatmulEngine;
import io.gatun.model.ops.Attention;
import io.gatun.model.ops.Elementwise;
import io.gatun.model.ops.Experts;
import io.gatun.model.ops.Ops;
import io.gatun.tensor.DType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.EnumMap;
import java.util.Map;

/** Ops that measure how long each kind of verb takes: the split of a step. Calls come from one thread. */
final class TimedOps implements Ops {
    /** The kinds of work in a training step. */
    enum Kind {
        MATMUL,
        ATTENTION,
        ROUTING,
        ELEMENTWISE,
        OPTIMIZER
    }

    private final Ops ops;
    private final Map<Kind, long[]> nanos = new EnumMap<>(Kind.class);
    private final MatmulEngine products;
    private final Attention attention;
    private final Experts experts;
    private final Elementwise elementwise;

    TimedOps(Ops ops) {
        this.ops = ops;
        for (Kind kind : Kind.values()) nanos.put(kind, new long[1]);
        products = timed(MatmulEngine.class, ops.products(), Kind.MATMUL);
        attention = timed(Attention.class, ops.attention(), Kind.ATTENTION);
        experts = timed(Experts.class, ops.experts(), Kind.ROUTING);
        elementwise = timed(Elementwise.class, ops.elementwise(), Kind.ELEMENTWISE);
    }

    /** Nanoseconds by kind since the last call, which starts the count anew. */
    Map<Kind, Long> take() {
        Map<Kind, Long> taken = new EnumMap<>(Kind.class);
        nanos.forEach((kind, count) -> {
            taken.put(kind, count[0]);
            count[0] = 0;
        });
        return taken;
    }

    private <T> T timed(Class<T> verbs, T target, Kind kind) {
        return verbs.cast(Proxy.newProxyInstance(
                verbs.getClassLoader(), new Class<?>[] {verbs}, (proxy, method, args) -> {
                    long start = System.nanoTime();
                    try {
                        return method.invoke(target, args);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    } finally {
                        nanos.get(kindOf(method.getName(), kind))[0] += System.nanoTime() - start;
                    }
                }));
    }

    private static Kind kindOf(String verb, Kind group) {
        return switch (verb) {
            case "adamW", "sumOfSquares", "refresh" -> Kind.OPTIMIZER;
            default -> group;
        };
    }

    @Override
    public DType real() {
        return ops.real();
    }

    @Override
    public MatmulEngine products() {
        return products;
    }

    @Override
    public Attention attention() {
        return attention;
    }

    @Override
    public Experts experts() {
        return experts;
    }

    @Override
    public Elementwise elementwise() {
        return elementwise;
    }
}
