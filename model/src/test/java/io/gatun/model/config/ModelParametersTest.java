package io.gatun.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class ModelParametersTest {
    @SuppressWarnings("unused") // the source of a test's names
    private static final List<String> MODELS = Golden.MODELS;

    @ParameterizedTest
    @FieldSource("MODELS")
    void namesExactlyWhatReleasedFilesHold(String name) {
        try (Golden golden = Golden.open(name)) {
            Map<String, String> expected = new HashMap<>();
            for (String tensor : golden.checkpoint().names()) {
                if (tensor.endsWith("_scale_inv")) continue;
                Tensor stored = golden.checkpoint().tensor(tensor);
                expected.put(tensor, List.of(box(stored.shape())).toString());
            }
            Map<String, String> named = new HashMap<>();
            List<ParameterSpec> specs = new ArrayList<>(ModelParameters.of(golden.config()));
            ModelParameters.copies(golden.config()).forEach(copy -> specs.add(copy.spec()));
            specs.forEach(
                    spec -> named.put(spec.name(), List.of(box(spec.shape())).toString()));
            assertThat(named).isEqualTo(expected).hasSameSizeAs(specs);
        }
    }

    @Test
    void ordersThemAsTheForwardPassDoes() {
        ModelConfig tiny = Configs.builtIn("tiny");
        List<String> names =
                ModelParameters.of(tiny).stream().map(ParameterSpec::name).toList();
        assertThat(names).startsWith("model.embed_tokens.weight", "model.layers.0.input_layernorm.weight");
        assertThat(names.subList(ModelParameters.mainCount(tiny) - 2, ModelParameters.mainCount(tiny) + 4))
                .containsExactly(
                        "model.norm.weight",
                        "lm_head.weight",
                        "model.layers.2.enorm.weight",
                        "model.layers.2.hnorm.weight",
                        "model.layers.2.eh_proj.weight",
                        "model.layers.2.input_layernorm.weight");
        assertThat(names).endsWith("model.layers.2.shared_head.norm.weight");
        assertThat(ModelParameters.copies(tiny))
                .extracting(copy -> copy.spec().name() + " = " + copy.original())
                .containsExactly(
                        "model.layers.2.embed_tokens.weight = model.embed_tokens.weight",
                        "model.layers.2.shared_head.head.weight = lm_head.weight");
    }

    @Test
    void givesEachItsRole() {
        Map<String, Role> roles = new HashMap<>();
        ModelParameters.of(Configs.builtIn("tiny")).forEach(spec -> roles.put(spec.name(), spec.role()));
        assertThat(roles)
                .containsEntry("model.embed_tokens.weight", Role.EMBEDDING)
                .containsEntry("lm_head.weight", Role.HEAD)
                .containsEntry("model.layers.0.self_attn.q_a_proj.weight", Role.ATTENTION)
                .containsEntry("model.layers.0.self_attn.q_a_layernorm.weight", Role.NORM)
                .containsEntry("model.layers.0.mlp.up_proj.weight", Role.DENSE_FFN)
                .containsEntry("model.layers.1.mlp.experts.7.down_proj.weight", Role.EXPERT)
                .containsEntry("model.layers.1.mlp.shared_experts.gate_proj.weight", Role.SHARED_EXPERT)
                .containsEntry("model.layers.1.mlp.gate.weight", Role.GATE)
                .containsEntry("model.layers.1.mlp.gate.e_score_correction_bias", Role.SELECTION_BIAS)
                .containsEntry("model.layers.2.eh_proj.weight", Role.MTP_PROJECTION)
                .containsEntry("model.layers.2.shared_head.norm.weight", Role.NORM);
    }

    @Test
    void leavesOutSharedExpertsWhereThereAreNone() {
        Map<String, Object> fields = ModelConfigJson.fields(Configs.builtIn("tiny"), DType.F32);
        fields.put("n_shared_experts", null);
        ModelConfig config = ModelConfigJson.parse(Json.write(fields), "test");
        assertThat(config.nSharedExperts()).isZero();
        assertThat(ModelParameters.of(config)).noneMatch(spec -> spec.name().contains("shared_experts"));
    }

    @Test
    void specsAreValues() {
        ParameterSpec spec = new ParameterSpec("a", new long[] {2, 3}, Role.GATE);
        assertThat(spec)
                .isEqualTo(new ParameterSpec("a", new long[] {2, 3}, Role.GATE))
                .hasToString("a [2, 3]");
        assertThat(spec).isNotEqualTo(new ParameterSpec("a", new long[] {3, 2}, Role.GATE));
        assertThat(spec.count()).isEqualTo(6);
        spec.shape()[0] = 9;
        assertThat(spec.shape()).containsExactly(2, 3);
    }

    private static Long[] box(long[] shape) {
        return Arrays.stream(shape).boxed().toArray(Long[]::new);
    }
}
