package io.gatun.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigJsonTest {
    @SuppressWarnings("unused") // the source of a test's names
    private static final List<String> MODELS = Golden.MODELS;

    private final Map<String, Object> fields = new LinkedHashMap<>();

    ModelConfigJsonTest() {
        JsonObject.read(Golden.folder("v3-mini").resolve("config.json"))
                .fields()
                .forEach((name, value) -> fields.put(name.toString(), value));
    }

    @Test
    void readsEveryField() {
        ModelConfig config = parse();
        assertThat(config)
                .isEqualTo(new ModelConfig(
                        160,
                        64,
                        112,
                        36,
                        3,
                        4,
                        16,
                        1,
                        2.5,
                        32,
                        40,
                        16,
                        20,
                        16,
                        4,
                        2,
                        4,
                        1,
                        true,
                        Scoring.SIGMOID,
                        TopkMethod.NOAUX_TC,
                        256,
                        1e-6,
                        10000,
                        new Yarn(4, 32, 1, 1, 1, 64),
                        0,
                        false,
                        0.02,
                        0,
                        1));
    }

    @ParameterizedTest
    @FieldSource("MODELS")
    void readsWhatItWrites(String name) {
        ModelConfig config = ModelConfigJson.read(Golden.folder(name).resolve("config.json"));
        assertThat(ModelConfigJson.parse(ModelConfigJson.write(config, DType.F32), "test"))
                .isEqualTo(config);
    }

    @Test
    void writesTheFieldsOfTheReleasedFiles() {
        Map<?, ?> written = ModelConfigJson.fields(parse(), DType.F32);
        fields.forEach(
                (name, value) -> assertThat(numbers(written.get(name))).as(name).isEqualTo(numbers(value)));
        assertThat(ModelConfigJson.fields(parse(), DType.BF16)).containsEntry("torch_dtype", "bfloat16");
    }

    private static Object numbers(Object value) {
        if (value instanceof Number number) return number.doubleValue();
        if (!(value instanceof Map<?, ?> map)) return value;
        Map<Object, Object> all = new LinkedHashMap<>();
        map.forEach((name, inner) -> all.put(name, numbers(inner)));
        return all;
    }

    @Test
    void writesSoftmaxModelsForTheClassThatKnowsThem() {
        ModelConfig lite = Configs.builtIn("v2-lite");
        assertThat(ModelConfigJson.fields(lite, DType.BF16))
                .containsEntry("model_type", "deepseek_v2")
                .containsEntry("architectures", List.of("DeepseekV2ForCausalLM"))
                .containsEntry("q_lora_rank", null);
    }

    @Test
    void leavesOutAStretchThatIsNotInUse() {
        fields.put("max_position_embeddings", 64L);
        assertThat(ModelConfigJson.fields(parse(), DType.F32)).containsEntry("rope_scaling", null);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vocab_size",
                "hidden_size",
                "intermediate_size",
                "moe_intermediate_size",
                "num_hidden_layers",
                "num_attention_heads",
                "n_routed_experts",
                "kv_lora_rank",
                "qk_rope_head_dim",
                "qk_nope_head_dim",
                "v_head_dim",
                "num_experts_per_tok"
            })
    void asksForEverySize(String size) {
        fields.remove(size);
        assertThatThrownBy(this::parse).isInstanceOf(ModelException.class).hasMessage("test: " + size + " is missing");
    }

    @Test
    void asksWhetherQueriesAreCompressed() {
        fields.remove("q_lora_rank");
        assertThatThrownBy(this::parse)
                .hasMessage("test: q_lora_rank is missing; it is null where queries are not compressed");
        fields.put("q_lora_rank", null);
        assertThat(parse().qLoraRank()).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            model_type          | "llama"   | model_type is "llama"; it should be deepseek_v3 or deepseek_v2
            scoring_func        | "tanh"    | scoring_func is "tanh"; it should be one of sigmoid, softmax
            topk_method         | "best"    | topk_method is "best"; it should be one of noaux_tc, group_limited_greedy, greedy
            hidden_act          | "gelu"    | hidden_act is "gelu"; it should be silu
            moe_layer_freq      | 2         | moe_layer_freq is 2; it should be 1
            attention_bias      | true      | attention_bias is true; it should be false
            mlp_bias            | true      | mlp_bias is true; it should be false
            rope_interleave     | false     | rope_interleave is false; it should be true
            num_key_value_heads | 2         | num_key_value_heads is 2; it should be 4, as num_attention_heads: each head has its own keys
            hidden_size         | 64.5      | hidden_size is 64.5; it should be a whole number
            hidden_size         | 5000000000 | hidden_size is 5000000000; it should be a whole number
            hidden_size         | "64"      | hidden_size is "64"; it should be a whole number
            rope_theta          | "big"     | rope_theta is "big"; it should be a number
            norm_topk_prob      | 1         | norm_topk_prob is 1; it should be true or false
            eos_token_id        | []        | eos_token_id is an array that does not start with a token's id
            eos_token_id        | [5000000000] | eos_token_id is an array that does not start with a token's id
            num_hidden_layers   | 2147483647 | num_hidden_layers is 2147483647; at most 10000 is known to Gatun
            hidden_size         | 2147483647 | hidden_size is 2147483647; at most 1048576 is known to Gatun
            n_shared_experts    | 2147483647 | n_shared_experts is 2147483647; at most 1024 is known to Gatun
            rope_scaling        | {"type": "yarn", "factor": 1e999, "mscale": 1, "mscale_all_dim": 1, "original_max_position_embeddings": 4} | rope_scaling.factor is Infinity; a stretch is at least 1
            rope_scaling        | 3         | rope_scaling is 3; it should be an object
            rope_scaling        | {"type": "linear"} | rope_scaling.type is "linear"; it should be yarn, or default for none
            rope_scaling        | {"type": "yarn", "factor": 4} | rope_scaling.mscale is missing
            """)
    void refusesOtherArchitectures(String field, String value, String sentence) {
        fields.put("architectures", null);
        fields.put(field, Json.parse(value, "value"));
        assertThatThrownBy(this::parse).isInstanceOf(ModelException.class).hasMessage("test: " + sentence);
    }

    @Test
    void knowsOtherNamesOfTheArchitecture() {
        fields.put("model_type", "kimi_k2"); // a V3 under its own name
        assertThat(parse().hasSelectionBias()).isTrue();
    }

    @Test
    void hasTheDefaultsOfTheHuggingFaceClasses() {
        List<String> sizes = Arrays.asList(
                "model_type, vocab_size, hidden_size, intermediate_size, moe_intermediate_size, num_hidden_layers, "
                        .concat("num_attention_heads, n_routed_experts, kv_lora_rank, q_lora_rank, qk_rope_head_dim, ")
                        .concat("qk_nope_head_dim, v_head_dim, num_experts_per_tok")
                        .split(", "));
        fields.keySet().retainAll(sizes);
        ModelConfig v3 = parse();
        assertThat(v3.nSharedExperts()).isEqualTo(1);
        assertThat(v3.routedScalingFactor()).isEqualTo(2.5);
        assertThat(v3.nGroup()).isEqualTo(8);
        assertThat(v3.topkGroup()).isEqualTo(4);
        assertThat(v3.firstKDenseReplace()).isEqualTo(3);
        assertThat(v3.normTopkProb()).isTrue();
        assertThat(v3.scoringFunc()).isEqualTo(Scoring.SIGMOID);
        assertThat(v3.topkMethod()).isEqualTo(TopkMethod.NOAUX_TC);
        assertThat(v3.maxPositionEmbeddings()).isEqualTo(4096);
        assertThat(v3.rmsNormEps()).isEqualTo(1e-6);
        assertThat(v3.ropeTheta()).isEqualTo(10000);
        assertThat(v3.ropeScaling()).isNull();
        assertThat(v3.eosTokenId()).isEqualTo(1);

        fields.put("model_type", "deepseek_v2");
        ModelConfig v2 = parse();
        assertThat(v2.nSharedExperts()).isEqualTo(2);
        assertThat(v2.routedScalingFactor()).isEqualTo(1);
        assertThat(v2.nGroup()).isEqualTo(1);
        assertThat(v2.firstKDenseReplace()).isZero();
        assertThat(v2.normTopkProb()).isFalse();
        assertThat(v2.scoringFunc()).isEqualTo(Scoring.SOFTMAX);
        assertThat(v2.topkMethod()).isEqualTo(TopkMethod.GREEDY);
        assertThat(v2.maxPositionEmbeddings()).isEqualTo(2048);
        assertThat(v2.eosTokenId()).isEqualTo(2);
    }

    @Test
    void readsWhatNewerTransformersWrite() {
        ModelConfig before = parse();
        Map<String, Object> rope = new LinkedHashMap<>((Map<String, Object>) castMap(fields.remove("rope_scaling")));
        rope.put("rope_type", rope.remove("type"));
        rope.put("rope_theta", fields.remove("rope_theta"));
        fields.put("rope_parameters", rope);
        assertThat(parse()).isEqualTo(before);

        fields.put("rope_parameters", Map.of("rope_type", "default", "rope_theta", 500000.0));
        assertThat(parse().ropeScaling()).isNull();
        assertThat(parse().ropeTheta()).isEqualTo(500000);
    }

    @Test
    void takesTheFirstOfSeveralEndTokensAndNoneForNull() {
        fields.put("eos_token_id", List.of(7L, 9L));
        fields.put("bos_token_id", null);
        assertThat(parse().eosTokenId()).isEqualTo(7);
        assertThat(parse().bosTokenId()).isEqualTo(-1);
        assertThat(ModelConfigJson.fields(parse(), DType.F32)).containsEntry("bos_token_id", null);
    }

    @Test
    void readsTheBlocksOfScales() {
        Path file = Golden.folder("fp8-mini").resolve("config.json");
        assertThat(ModelConfigJson.quantization(JsonObject.read(file))).contains(new Fp8Blocks(128, 128, false));
        assertThat(ModelConfigJson.quantization(JsonObject.of(fields, "test"))).isEmpty();
        quantization("{\"quant_method\": \"fp8\", \"weight_block_size\": [64, 32], \"scale_fmt\": \"ue8m0\"}");
        assertThat(ModelConfigJson.quantization(JsonObject.of(fields, "test"))).contains(new Fp8Blocks(64, 32, true));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"quant_method": "gptq"} | quantization_config.quant_method is "gptq"; it should be fp8
            {"quant_method": "fp8", "fmt": "e5m2"} | quantization_config.fmt is "e5m2"; it should be e4m3
            {"quant_method": "fp8"} | quantization_config.weight_block_size is null; it should be two numbers, the rows and columns that share a scale
            {"quant_method": "fp8", "weight_block_size": [128]} | quantization_config.weight_block_size is an array; it should be two numbers, the rows and columns that share a scale
            {"quant_method": "fp8", "weight_block_size": [4294967424, 128]} | quantization_config.weight_block_size is an array; it should be two numbers, the rows and columns that share a scale
            {"quant_method": "fp8", "weight_block_size": [0, 128]} | quantization_config.weight_block_size[0] is 0; it is at least 1
            """)
    void refusesOtherQuantisation(String value, String sentence) {
        quantization(value);
        assertThatThrownBy(() -> ModelConfigJson.quantization(JsonObject.of(fields, "test")))
                .isInstanceOf(ModelException.class)
                .hasMessage("test: " + sentence);
    }

    private void quantization(String value) {
        fields.put("quantization_config", Json.parse(value, "value"));
    }

    private ModelConfig parse() {
        return ModelConfigJson.parse(JsonObject.of(fields, "test"));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> castMap(Object map) {
        return (Map<String, Object>) map;
    }
}
