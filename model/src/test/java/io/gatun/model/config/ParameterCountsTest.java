package io.gatun.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.json.Json;
import io.gatun.tensor.DType;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The figures of SPEC 1.2, and those of the shapes that other engines were measured with. */
class ParameterCountsTest {
    private static final ModelConfig V3 = Configs.builtIn("v3");
    private static final ModelConfig LITE = Configs.builtIn("v2-lite");
    private static final ModelConfig V2 = v2();

    @Test
    void countsV3() {
        ParameterCounts counts = ParameterCounts.of(V3);
        assertThat(counts.total()).isEqualTo(671_026_419_200L);
        assertThat(counts.active()).isEqualTo(37_552_297_472L);
        assertThat(counts.activeWithoutEmbedding()).isEqualTo(36_625_618_432L);
        assertThat(counts.mtp()).isEqualTo(11_610_068_224L);
        assertThat(counts.mtpWithCopies()).isEqualTo(13_463_426_304L);
        assertThat(counts.total() + counts.mtpWithCopies()).isEqualTo(684_489_845_504L);
        assertThat(counts.mtpActiveWithCopies() / 10_000_000).isEqualTo(254);
        assertThat(ParameterCounts.of(V3.withoutMtp()).total()).isEqualTo(counts.total());
        assertThat(ParameterCounts.of(V3.withoutMtp()).mtpWithCopies()).isZero();
    }

    @Test
    void countsV2() {
        ParameterCounts counts = ParameterCounts.of(V2);
        assertThat(counts.total()).isEqualTo(235_741_434_880L);
        assertThat(counts.active()).isEqualTo(21_375_800_320L);
        assertThat(counts.activeWithoutEmbedding()).isEqualTo(20_851_512_320L);
    }

    @Test
    void countsV2Lite() {
        ParameterCounts counts = ParameterCounts.of(LITE);
        assertThat(counts.total()).isEqualTo(15_706_484_224L);
        assertThat(counts.active()).isEqualTo(2_661_150_208L);
        assertThat(counts.activeWithoutEmbedding()).isEqualTo(2_451_435_008L);
    }

    @Test
    void countsOneAttentionAndOneExpert() {
        assertThat(sum(V3, "model.layers.9.self_attn.")).isEqualTo(187_107_328);
        assertThat(sum(V2, "model.layers.9.self_attn.")).isEqualTo(149_227_520);
        assertThat(sum(LITE, "model.layers.9.self_attn.")).isEqualTo(13_763_072);
        assertThat(sum(V3, "model.layers.9.mlp.experts.255.")).isEqualTo(44_040_192);
        assertThat(sum(V2, "model.layers.9.mlp.experts.159.")).isEqualTo(23_592_960);
        assertThat(sum(LITE, "model.layers.9.mlp.experts.63.")).isEqualTo(8_650_752);
    }

    @Test
    void countsTheShapesThatOthersWereMeasuredWith() {
        ParameterCounts peer = ParameterCounts.of(Configs.builtIn("dsv3-1b3"));
        assertThat(Math.round(peer.total() / 1e5)).isEqualTo(12_774);
        assertThat(Math.round(peer.activeWithoutEmbedding() / 1e5)).isEqualTo(2_058);
        assertThat(Math.round(ParameterCounts.of(Configs.builtIn("train-small")).total() / 1e4))
                .isEqualTo(170);
        assertThat(Math.round(ParameterCounts.of(Configs.builtIn("train-bench")).total() / 1e5))
                .isEqualTo(798);
        ParameterCounts tiny = ParameterCounts.of(Configs.builtIn("tiny"));
        assertThat(tiny.total() + tiny.mtp()).isBetween(55_000L, 65_000L);
    }

    private static long sum(ModelConfig config, String prefix) {
        return ModelParameters.of(config).stream()
                .filter(spec -> spec.name().startsWith(prefix))
                .mapToLong(ParameterSpec::count)
                .sum();
    }

    /** DeepSeek-V2 236B (SPEC 1.1), which is no built-in. */
    private static ModelConfig v2() {
        Map<String, Object> fields = new LinkedHashMap<>(ModelConfigJson.fields(V3, DType.BF16));
        fields.putAll(Map.of(
                "vocab_size", 102400,
                "hidden_size", 5120,
                "num_hidden_layers", 60,
                "first_k_dense_replace", 1,
                "intermediate_size", 12288,
                "moe_intermediate_size", 1536,
                "n_routed_experts", 160,
                "n_shared_experts", 2,
                "num_experts_per_tok", 6,
                "topk_group", 3));
        fields.putAll(Map.of(
                "scoring_func",
                "softmax",
                "topk_method",
                "group_limited_greedy",
                "norm_topk_prob",
                false,
                "routed_scaling_factor",
                16.0,
                "num_nextn_predict_layers",
                0));
        return ModelConfigJson.parse(Json.write(fields), "v2");
    }
}
