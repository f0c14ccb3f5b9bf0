package io.gatun.jmh;

import io.gatun.model.ops.Attention;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;

/** Attention in expanded form: a training micro-batch of the small configuration (8 sequences of 128 tokens), and a chunk of a prompt. */
public class CausalAttentionBenchmark extends CpuBenchmark {
    private static final int ROWS = 1024;
    private static final int CHUNK = 64;
    private static final Attention.Shape SHAPE = new Attention.Shape(4, 32, 16, 32, 128, 0.14f);

    private Tensor q, kv, kRope, o, logSumExp, dO, dq, dkv, dkRope;
    private Tensor chunkQ, chunkO;
    private MemorySegment scores; // [ROWS]

    @Override
    void setUp() {
        int heads = SHAPE.heads();
        q = memory.normal(ROWS, heads * SHAPE.keyDim());
        kv = memory.normal(ROWS, heads * SHAPE.kvDim());
        kRope = memory.normal(ROWS, SHAPE.ropeDim());
        o = memory.normal(ROWS, heads * SHAPE.valueDim());
        logSumExp = memory.zeros(heads, ROWS);
        dO = memory.normal(ROWS, heads * SHAPE.valueDim());
        dq = memory.zeros(ROWS, heads * SHAPE.keyDim());
        dkv = memory.zeros(ROWS, heads * SHAPE.kvDim());
        dkRope = memory.zeros(ROWS, SHAPE.ropeDim());
        chunkQ = q.slice(0, CHUNK);
        chunkO = o.slice(0, CHUNK);
        scores = memory.zeros(ROWS).data();
        ops.attention().causal(o, logSumExp, q, kv, kRope, SHAPE);
    }

    @Benchmark
    public Tensor causal() {
        ops.attention().causal(o, logSumExp, q, kv, kRope, SHAPE);
        return o;
    }

    @Benchmark
    public Tensor causalTwin() {
        for (int r = 0; r < ROWS; r++) {
            int first = r - r % SHAPE.sequence();
            for (int h = 0; h < SHAPE.heads(); h++) {
                Scalar.set(logSumExp.data(), (long) h * ROWS + r, attend(h, r, first, r + 1 - first));
            }
        }
        return o;
    }

    /** The last 64 tokens of a prompt of 1024. */
    @Benchmark
    public Tensor chunk() {
        ops.attention().causal(chunkO, chunkQ, kv, kRope, ROWS - CHUNK, SHAPE);
        return chunkO;
    }

    @Benchmark
    public Tensor chunkTwin() {
        for (int r = 0; r < CHUNK; r++) {
            for (int h = 0; h < SHAPE.heads(); h++) attend(h, r, 0, ROWS - CHUNK + r + 1);
        }
        return chunkO;
    }

    @Benchmark
    public Tensor causalGrad() {
        ops.attention().causalGrad(dq, dkv, dkRope, dO, o, logSumExp, q, kv, kRope, SHAPE);
        return dq;
    }

    @Benchmark
    public Tensor causalGradTwin() {
        for (Tensor gradient : new Tensor[] {dq, dkv, dkRope}) Scalar.clear(gradient.data(), 0, (int) gradient.count());
        for (int r = 0; r < ROWS; r++) {
            for (int h = 0; h < SHAPE.heads(); h++) grad(h, r, r - r % SHAPE.sequence());
        }
        return dq;
    }

    /** Row r of o over {@code keys} rows of kv from {@code first} on; gives the logarithm of the denominator. */
    private float attend(int h, int r, int first, int keys) {
        for (int j = 0; j < keys; j++) Scalar.set(scores, j, score(h, r, first + j));
        float logSumExp = Scalar.softmax(scores, keys);
        Scalar.clear(o.data(), output(h, r), SHAPE.valueDim());
        for (int j = 0; j < keys; j++) {
            float p = Scalar.get(scores, j);
            Scalar.addScaled(o.data(), output(h, r), p, kv.data(), value(h, first + j), SHAPE.valueDim());
        }
        return logSumExp;
    }

    private void grad(int h, int r, int first) {
        float delta = Scalar.dot(dO.data(), output(h, r), o.data(), output(h, r), SHAPE.valueDim());
        float denominator = Scalar.get(logSumExp.data(), (long) h * ROWS + r);
        for (int j = first; j <= r; j++) {
            float p = (float) Math.exp(score(h, r, j) - denominator);
            float dp = Scalar.dot(dO.data(), output(h, r), kv.data(), value(h, j), SHAPE.valueDim());
            float ds = p * (dp - delta) * SHAPE.scale();
            Scalar.addScaled(dkv.data(), value(h, j), p, dO.data(), output(h, r), SHAPE.valueDim());
            long query = query(h, r);
            Scalar.addScaled(dq.data(), query, ds, kv.data(), key(h, j), SHAPE.nopeDim());
            Scalar.addScaled(dkv.data(), key(h, j), ds, q.data(), query, SHAPE.nopeDim());
            long rope = query + SHAPE.nopeDim();
            long shared = (long) j * SHAPE.ropeDim();
            Scalar.addScaled(dq.data(), rope, ds, kRope.data(), shared, SHAPE.ropeDim());
            Scalar.addScaled(dkRope.data(), shared, ds, q.data(), rope, SHAPE.ropeDim());
        }
    }

    private float score(int h, int r, int j) {
        float nope = Scalar.dot(q.data(), query(h, r), kv.data(), key(h, j), SHAPE.nopeDim());
        long rope = query(h, r) + SHAPE.nopeDim();
        return (nope + Scalar.dot(q.data(), rope, kRope.data(), (long) j * SHAPE.ropeDim(), SHAPE.ropeDim()))
                * SHAPE.scale();
    }

    private static long query(int h, int r) {
        return ((long) r * SHAPE.heads() + h) * SHAPE.keyDim();
    }

    private static long key(int h, int j) {
        return ((long) j * SHAPE.heads() + h) * SHAPE.kvDim();
    }

    private static long value(int h, int j) {
        return key(h, j) + SHAPE.nopeDim();
    }

    private static long output(int h, int r) {
        return ((long) r * SHAPE.heads() + h) * SHAPE.valueDim();
    }
}
