package io.gatun.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.DType;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {
    /** Each wrong value of an otherwise valid model is refused with a sentence that names the field as the file does. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            vocab_size                   | 0      | vocab_size is 0; it is at least 1
            hidden_size                  | -1     | hidden_size is -1; it is at least 1
            intermediate_size            | 0      | intermediate_size is 0; it is at least 1
            moe_intermediate_size        | 0      | moe_intermediate_size is 0; it is at least 1
            num_hidden_layers            | 0      | num_hidden_layers is 0; it is at least 1
            num_attention_heads          | 0      | num_attention_heads is 0; it is at least 1
            n_routed_experts             | 0      | n_routed_experts is 0; it is at least 1
            n_routed_experts             | 10     | n_routed_experts is 10 and n_group is 4: experts divide evenly into groups
            n_routed_experts             | 4      | n_routed_experts is 4 and n_group is 4: noaux_tc ranks groups by their two best experts
            n_shared_experts             | -1     | n_shared_experts is -1; it is not negative
            routed_scaling_factor        | 0      | routed_scaling_factor is 0.0; it is a number above 0
            kv_lora_rank                 | 0      | kv_lora_rank is 0; it is at least 1
            q_lora_rank                  | -2     | q_lora_rank is -2; it is not negative
            qk_rope_head_dim             | 7      | qk_rope_head_dim is 7; rotary embedding turns pairs, so it is even
            v_head_dim                   | 0      | v_head_dim is 0; it is at least 1
            qk_nope_head_dim             | 0      | qk_nope_head_dim is 0; it is at least 1
            n_group                      | 0      | n_group is 0; it is at least 1
            topk_group                   | 5      | topk_group is 5 and n_group is 4: a token keeps some of the groups
            topk_group                   | 0      | topk_group is 0 and n_group is 4: a token keeps some of the groups
            num_experts_per_tok          | 9      | num_experts_per_tok is 9; a token chooses from 1 to 8 experts (n_routed_experts 16, n_group 4, topk_group 2)
            num_experts_per_tok          | 0      | num_experts_per_tok is 0; a token chooses from 1 to 8 experts
            first_k_dense_replace        | 4      | first_k_dense_replace is 4 and num_hidden_layers is 3: dense layers are some of all layers
            topk_method                  | "greedy" | topk_method is greedy, which knows no groups, and n_group is 4; it is 1
            max_position_embeddings      | 0      | max_position_embeddings is 0; it is at least 1
            rms_norm_eps                 | 0      | rms_norm_eps is 0.0; it is a number above 0
            rope_theta                   | 1      | rope_theta is 1.0; a base is above 1
            num_nextn_predict_layers     | -1     | num_nextn_predict_layers is -1; it is not negative
            tie_word_embeddings          | true   | tie_word_embeddings is true; the embedding and the head are two tensors here
            initializer_range            | -0.5   | initializer_range is -0.5; it is a number above 0
            bos_token_id                 | 160    | bos_token_id is 160 and vocab_size is 160: an id is below the vocabulary's size
            eos_token_id                 | -2     | eos_token_id is -2 and vocab_size is 160: an id is below the vocabulary's size
            """)
    void refusesWhatDoesNotFit(String field, String value, String sentence) {
        assertThatThrownBy(() -> ModelConfigJson.parse(v3Mini(field, value)))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("test: " + sentence);
    }

    @Test
    void refusesStretchesThatCannotBe() {
        assertThatThrownBy(() -> new Yarn(0.5, 32, 1, 1, 1, 64))
                .hasMessage("rope_scaling.factor is 0.5; a stretch is at least 1");
        assertThatThrownBy(() -> new Yarn(4, 1, 1, 1, 1, 64))
                .hasMessage(
                        "rope_scaling.beta_fast is 1.0 and beta_slow is 1.0: the ramp runs from more turns to fewer");
        assertThatThrownBy(() -> new Yarn(4, 32, 0, 1, 1, 64))
                .hasMessage("rope_scaling.beta_slow is 0.0; it is a number above 0");
        assertThatThrownBy(() -> new Yarn(4, 32, 1, 1, 0.707, 64))
                .hasMessage("rope_scaling.mscale is 1.0 and mscale_all_dim is 0.707: only equal ones are known");
        assertThatThrownBy(() -> new Yarn(4, 32, 1, -1, -1, 64))
                .hasMessage("rope_scaling.mscale is -1.0; it is not negative");
        assertThatThrownBy(() -> new Yarn(4, 32, 1, 1, 1, 0))
                .hasMessage("rope_scaling.original_max_position_embeddings is 0; it is at least 1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3-mini", "v3-nogroup-mini", "v3-realrope-mini", "v2lite-mini", "v2-groups-mini"})
    void scalesScoresAsThePublishedCodeDoes(String name) {
        try (Golden golden = Golden.open(name)) {
            assertThat(golden.config().softmaxScale())
                    .isCloseTo(golden.expected("softmax_scale").get(0), within(1e-15));
        }
    }

    @Test
    void stretchesOnlyBeyondTheOriginalContext() {
        ModelConfig v3 = Configs.builtIn("v3");
        assertThat(v3.usesYarn()).isTrue();
        assertThat(v3.softmaxScale()).isCloseTo(0.135234, within(5e-7)); // SPEC 2.4
        ModelConfig within = ModelConfigJson.parse(v3Mini("max_position_embeddings", "64"));
        assertThat(within.ropeScaling()).isNotNull();
        assertThat(within.usesYarn()).isFalse();
        assertThat(within.softmaxScale()).isEqualTo(1 / Math.sqrt(32));
    }

    @Test
    void tellsLayersApart() {
        ModelConfig v3 = Configs.builtIn("v3");
        assertThat(v3.isMoe(2)).isFalse();
        assertThat(v3.isMoe(3)).isTrue();
        assertThat(v3.isMoe(61)).as("the MTP module").isTrue();
        assertThat(v3.blocks()).isEqualTo(62);
        assertThat(v3.qkHeadDim()).isEqualTo(192);
        assertThat(v3.hasQueryCompression()).isTrue();
        assertThat(v3.hasSelectionBias()).isTrue();
        ModelConfig lite = Configs.builtIn("v2-lite");
        assertThat(lite.hasQueryCompression()).isFalse();
        assertThat(lite.hasSelectionBias()).isFalse();
    }

    @Test
    void dropsMtpAlone() {
        ModelConfig v3 = Configs.builtIn("v3");
        Map<String, Object> fields = ModelConfigJson.fields(v3, DType.BF16);
        fields.put("num_nextn_predict_layers", 0);
        assertThat(v3.withoutMtp()).isEqualTo(ModelConfigJson.parse(Json.write(fields), "test"));
    }

    private static JsonObject v3Mini(String field, String value) {
        Map<String, Object> fields = new LinkedHashMap<>();
        JsonObject.read(Golden.folder("v3-mini").resolve("config.json"))
                .fields()
                .forEach((name, old) -> fields.put(name.toString(), old));
        fields.remove("num_key_value_heads"); // else it contradicts another number of heads first
        fields.put(field, Json.parse(value, "value"));
        return JsonObject.of(fields, "test");
    }
}
