package io.gatun.jmh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.model.ops.Routing;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A twin that did other work than its kernel would make their ratio a lie: both give the same numbers. */
class TwinTest {
    private static final double EXACT = 0;
    private static final double F32 = 1e-4;
    private static final double BF16 = 5e-2;
    private static final double FP8 = 0.25;

    static Stream<Arguments> pairs() {
        return Stream.of(
                pair("packed forward", () -> packed(Format.F32), b -> b.forward(), b -> b.forwardTwin(), F32),
                pair("packed forward bf16", () -> packed(Format.BF16), b -> b.forward(), b -> b.forwardTwin(), BF16),
                pair("packed inputGrad", () -> packed(Format.F32), b -> b.inputGrad(), b -> b.inputGradTwin(), F32),
                pair("packed weightGrad", () -> packed(Format.F32), b -> b.weightGrad(), b -> b.weightGradTwin(), F32),
                pair("mapped f32", () -> mapped("F32"), b -> b.forward(), b -> b.forwardTwin(), F32),
                pair("mapped bf16", () -> mapped("BF16"), b -> b.forward(), b -> b.forwardTwin(), BF16),
                pair("mapped fp8", () -> mapped("FP8"), b -> b.forward(), b -> b.forwardTwin(), F32),
                pair("mapped w8a8", () -> mapped("W8A8"), b -> b.forward(), b -> b.forwardTwin(), FP8),
                pair("grouped forward", GroupedProductBenchmark::new, b -> b.forward(), b -> b.forwardTwin(), F32),
                pair(
                        "grouped inputGrad",
                        GroupedProductBenchmark::new,
                        b -> b.inputGrad(),
                        b -> b.inputGradTwin(),
                        F32),
                pair(
                        "grouped weightGrad",
                        GroupedProductBenchmark::new,
                        b -> b.weightGrad(),
                        b -> b.weightGradTwin(),
                        F32),
                pair("absorbed", TwinTest::absorbed, b -> b.absorbed(), b -> b.absorbedTwin(), F32),
                pair("causal", CausalAttentionBenchmark::new, b -> b.causal(), b -> b.causalTwin(), F32),
                pair("chunk", CausalAttentionBenchmark::new, b -> b.chunk(), b -> b.chunkTwin(), F32),
                pair("causalGrad", CausalAttentionBenchmark::new, b -> b.causalGrad(), b -> b.causalGradTwin(), F32),
                pair("rmsNorm", TwinTest::norm, b -> b.forward(), b -> b.forwardTwin(), F32),
                pair("rmsNorm inputGrad", TwinTest::norm, b -> b.inputGrad(), b -> b.inputGradTwin(), F32),
                pair("rmsNorm gainGrad", TwinTest::norm, b -> b.gainGrad(), b -> b.gainGradTwin(), F32),
                pair("swiGlu", SwiGluBenchmark::new, b -> b.forward(), b -> b.forwardTwin(), F32),
                pair("swiGlu grad", SwiGluBenchmark::new, b -> b.grad(), b -> b.gradTwin(), F32),
                pair("rope", RopeBenchmark::new, b -> b.rope(), b -> b.ropeTwin(), F32),
                pair("route", TwinTest::router, b -> b.route(), b -> b.routeTwin(), F32),
                pair("permute", PermutationBenchmark::new, b -> b.permute(), b -> b.permuteTwin(), EXACT),
                pair("unpermute", PermutationBenchmark::new, b -> b.unpermute(), b -> b.unpermuteTwin(), F32),
                pair(
                        "unpermuteGrad",
                        PermutationBenchmark::new,
                        b -> b.unpermuteGrad(),
                        b -> b.unpermuteGradTwin(),
                        F32),
                pair("embedding", EmbeddingBenchmark::new, b -> b.forward(), b -> b.forwardTwin(), EXACT),
                pair("embedding grad", EmbeddingBenchmark::new, b -> b.grad(), b -> b.gradTwin(), F32),
                pair("crossEntropy", CrossEntropyBenchmark::new, b -> b.crossEntropy(), b -> b.crossEntropyTwin(), F32),
                pair("adamW", () -> adamW(DType.F32), b -> b.update(), b -> b.updateTwin(), F32),
                pair("adamW bf16", () -> adamW(DType.BF16), b -> b.update(), b -> b.updateTwin(), F32),
                pair("greedy", SamplingBenchmark::new, b -> b.greedy(), b -> b.greedyTwin(), EXACT),
                pair("quantize 1", () -> fp8(1), b -> b.quantize(), b -> b.quantizeTwin(), EXACT),
                pair("quantize 128", () -> fp8(128), b -> b.quantize(), b -> b.quantizeTwin(), EXACT));
    }

    private static <B extends CpuBenchmark> Arguments pair(
            String name, Supplier<B> made, Function<B, Object> kernel, Function<B, Object> twin, double tolerance) {
        return Arguments.of(name, numbers(made, kernel), numbers(made, twin), tolerance);
    }

    /** Of a new benchmark, since each side overwrites its inputs. */
    private static <B extends CpuBenchmark> Supplier<double[]> numbers(Supplier<B> made, Function<B, Object> call) {
        return () -> {
            B benchmark = made.get();
            benchmark.threads = 1;
            benchmark.open();
            try {
                return flat(call.apply(benchmark));
            } finally {
                benchmark.close();
            }
        };
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("pairs")
    void givesTheKernelsNumbers(String name, Supplier<double[]> kernel, Supplier<double[]> twin, double tolerance) {
        double[] expected = kernel.get();
        double[] found = twin.get();
        assertThat(found).hasSameSizeAs(expected);
        double largest = 0;
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            worst = Math.max(worst, Math.abs(expected[i] - found[i]));
        }
        assertThat(largest).as("something was computed").isPositive();
        assertThat(worst / largest)
                .as("largest difference, of the largest number")
                .isCloseTo(0, within(tolerance));
    }

    private static double[] flat(Object result) {
        return switch (result) {
            case Integer number -> new double[] {number};
            case Tensor tensor -> flat(tensor);
            case Weight weight -> flat(weight.grad());
            case Weight[] weights ->
                Stream.of(weights)
                        .flatMapToDouble(w -> Arrays.stream(flat(w.grad())))
                        .toArray();
            case BlockScaled blocks -> bytes(blocks);
            case Routing routing ->
                Stream.of(routing.ids(), routing.weights(), routing.positions(), routing.tokens(), routing.offsets())
                        .flatMapToDouble(t -> Arrays.stream(flat(t)))
                        .toArray();
            default -> throw new IllegalArgumentException("a result of " + result.getClass());
        };
    }

    private static double[] flat(Tensor tensor) {
        double[] all = new double[Math.toIntExact(tensor.count())];
        for (int i = 0; i < all.length; i++) all[i] = tensor.get(i);
        return all;
    }

    private static double[] bytes(BlockScaled blocks) {
        double[] all = new double[Math.toIntExact(blocks.codes().count())];
        for (int i = 0; i < all.length; i++) all[i] = blocks.codes().data().get(ValueLayout.JAVA_BYTE, i);
        return all;
    }

    private static PackedProductBenchmark packed(Format format) {
        PackedProductBenchmark benchmark = new PackedProductBenchmark();
        benchmark.shape = "33x128x65";
        benchmark.format = format;
        return benchmark;
    }

    private static MappedProductBenchmark mapped(String stored) {
        MappedProductBenchmark benchmark = new MappedProductBenchmark();
        benchmark.stored = MappedProductBenchmark.Stored.valueOf(stored);
        benchmark.rows = 2;
        benchmark.shape = "256x1024"; // 128 x 128 blocks; a mebibyte of f32
        benchmark.mebibytes = 1;
        return benchmark;
    }

    private static AbsorbedAttentionBenchmark absorbed() {
        AbsorbedAttentionBenchmark benchmark = new AbsorbedAttentionBenchmark();
        benchmark.depth = 128;
        return benchmark;
    }

    private static RmsNormBenchmark norm() {
        RmsNormBenchmark benchmark = new RmsNormBenchmark();
        benchmark.shape = "5x129";
        return benchmark;
    }

    private static RoutingBenchmark router() {
        RoutingBenchmark benchmark = new RoutingBenchmark();
        benchmark.rows = 9;
        return benchmark;
    }

    private static AdamWBenchmark adamW(DType moments) {
        AdamWBenchmark benchmark = new AdamWBenchmark();
        benchmark.moments = moments;
        return benchmark;
    }

    private static Fp8Benchmark fp8(int blockRows) {
        Fp8Benchmark benchmark = new Fp8Benchmark();
        benchmark.blockRows = blockRows;
        return benchmark;
    }
}
