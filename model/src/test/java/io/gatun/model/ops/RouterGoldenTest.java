package io.gatun.model.ops;

import static io.gatun.model.ops.RoutingFixture.router;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.config.Scoring;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The gate of the published model code at released sizes: {@code test-data/router}, made by its {@code inference/model.py}. */
class RouterGoldenTest {
    private static final Path FILE = Path.of(System.getProperty("gatun.root"), "test-data/router/router.safetensors");

    static Stream<Arguments> cases() {
        return Stream.of(
                Arguments.of("v3_256", router(256, 8, 8, 4, Scoring.SIGMOID, true, true, 2.5f)),
                Arguments.of("v3_256_negbias", router(256, 8, 8, 4, Scoring.SIGMOID, true, true, 2.5f)),
                Arguments.of("v3_1group", router(64, 6, 1, 1, Scoring.SIGMOID, true, true, 2.446f)),
                Arguments.of("v2_160", router(160, 6, 8, 3, Scoring.SOFTMAX, false, false, 16)),
                Arguments.of("v2lite_64", router(64, 6, 1, 1, Scoring.SOFTMAX, false, false, 1)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void cpuRoutesAsThePublishedCode(String name, RouterConfig router) throws IOException {
        try (Team team = new Team(2)) {
            routesAsThePublishedCode(new CpuExperts(team), DType.F32, name, router);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void referenceRoutesAsThePublishedCode(String name, RouterConfig router) throws IOException {
        routesAsThePublishedCode(new ReferenceExperts(), DType.F64, name, router);
    }

    private static void routesAsThePublishedCode(Experts experts, DType real, String name, RouterConfig router)
            throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tensor x = golden(arena, name + ".x");
            Tensor weight = golden(arena, name + ".weight");
            Tensor logits = Tensor.zeros(arena, real, x.rows(), router.experts());
            for (int t = 0; t < x.rows(); t++) {
                for (int e = 0; e < router.experts(); e++) {
                    double sum = 0;
                    for (int c = 0; c < x.cols(); c++) sum += x.get(t, c) * weight.get(e, c);
                    logits.set(t, e, sum);
                }
            }
            Tensor bias = null;
            if (router.biased()) {
                bias = Tensor.zeros(arena, real, router.experts());
                bias.copyFrom(golden(arena, name + ".e_score_correction_bias"));
            }
            Routing routing = RoutingFixture.routing(arena, real, x.rows(), router);
            experts.route(routing, logits, bias, router);
            RoutingFixture.assertSame("ids", routing.ids(), golden(arena, name + ".indices"));
            Tensor weights = golden(arena, name + ".weights");
            for (long i = 0; i < weights.count(); i++) {
                assertThat(Math.abs(routing.weights().get(i) - weights.get(i)))
                        .as("weight %d", i)
                        .isLessThan(2e-5);
            }
        }
    }

    /** One tensor of a safetensors file: eight bytes of length, that much JSON, the data. */
    private static Tensor golden(Arena arena, String name) throws IOException {
        byte[] file = Files.readAllBytes(FILE);
        int header = Math.toIntExact(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong());
        String json = new String(file, 8, header, StandardCharsets.UTF_8);
        var entry = Pattern.compile("\"" + name
                        + "\":\\{\"dtype\":\"(\\w+)\",\"shape\":\\[([\\d,]+)\\],\"data_offsets\":\\[(\\d+),(\\d+)\\]")
                .matcher(json);
        assertThat(entry.find()).as("%s in %s", name, FILE).isTrue();
        long[] shape = Arrays.stream(entry.group(2).split(","))
                .mapToLong(Long::parseLong)
                .toArray();
        int from = Integer.parseInt(entry.group(3));
        int bytes = Integer.parseInt(entry.group(4)) - from;
        var data = arena.allocate(bytes, 8);
        MemorySegment.copy(file, 8 + header + from, data, ValueLayout.JAVA_BYTE, 0, bytes);
        return Tensor.of(data, DType.valueOf(entry.group(1)), shape);
    }
}
