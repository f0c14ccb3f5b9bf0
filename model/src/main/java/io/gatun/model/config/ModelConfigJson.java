package io.gatun.model.config;

import io.gatun.model.ModelException;
import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import io.gatun.tensor.DType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The {@code config.json} of Hugging Face's {@code deepseek_v3} and {@code deepseek_v2}. Unknown fields are ignored. A missing
 * size is refused; any other missing field has the default of the Hugging Face class.
 */
public final class ModelConfigJson {
    private static final String V3 = "deepseek_v3";
    private static final String V2 = "deepseek_v2";
    private static final String V3_CLASS = "DeepseekV3ForCausalLM";
    private static final String V2_CLASS = "DeepseekV2ForCausalLM";

    private ModelConfigJson() {}

    /**
     * The configuration in a file.
     *
     * @throws ModelException when the file is missing, no JSON, or describes no model that Gatun knows
     */
    public static ModelConfig read(Path file) {
        return parse(JsonObject.read(file));
    }

    /** The configuration in a text; {@code source} is what errors call it. */
    public static ModelConfig parse(String text, String source) {
        return parse(JsonObject.parse(text, source));
    }

    /** The configuration in an object. */
    public static ModelConfig parse(JsonObject json) {
        boolean v3 = isV3(json);
        refuseUnknownArchitecture(json);
        try {
            return new ModelConfig(
                    json.integer("vocab_size"),
                    json.integer("hidden_size"),
                    json.integer("intermediate_size"),
                    json.integer("moe_intermediate_size"),
                    json.integer("num_hidden_layers"),
                    json.integer("num_attention_heads"),
                    json.integer("n_routed_experts"),
                    json.mentions("n_shared_experts") ? json.integer("n_shared_experts", 0) : v3 ? 1 : 2,
                    json.number("routed_scaling_factor", v3 ? 2.5 : 1),
                    json.integer("kv_lora_rank"),
                    queryRank(json),
                    json.integer("qk_rope_head_dim"),
                    json.integer("v_head_dim"),
                    json.integer("qk_nope_head_dim"),
                    json.mentions("n_group") ? json.integer("n_group", 1) : v3 ? 8 : 1,
                    json.mentions("topk_group") ? json.integer("topk_group", 1) : v3 ? 4 : 1,
                    json.integer("num_experts_per_tok"),
                    json.integer("first_k_dense_replace", v3 ? 3 : 0),
                    json.flag("norm_topk_prob", v3),
                    json.choice("scoring_func", v3 ? Scoring.SIGMOID : Scoring.SOFTMAX),
                    json.choice("topk_method", v3 ? TopkMethod.NOAUX_TC : TopkMethod.GREEDY),
                    json.integer("max_position_embeddings", v3 ? 4096 : 2048),
                    json.number("rms_norm_eps", 1e-6),
                    ropeTheta(json),
                    yarn(json),
                    json.integer("num_nextn_predict_layers", 0),
                    json.flag("tie_word_embeddings", false),
                    json.number("initializer_range", 0.02),
                    token(json, "bos_token_id", v3 ? 0 : 1),
                    token(json, "eos_token_id", v3 ? 1 : 2));
        } catch (IllegalArgumentException e) {
            throw new ModelException(json.source() + ": " + e.getMessage(), e);
        }
    }

    /** How the checkpoint's FP8 weights are scaled; empty when it has none. */
    public static Optional<Fp8Blocks> quantization(JsonObject json) {
        return json.object("quantization_config").map(quantization -> {
            if (!quantization.text("quant_method", "").equals("fp8")) throw quantization.wrong("quant_method", "fp8");
            if (!quantization.text("fmt", "e4m3").equals("e4m3")) throw quantization.wrong("fmt", "e4m3");
            if (quantization.list("weight_block_size") instanceof List<?> size
                    && size.size() == 2
                    && size.get(0) instanceof Long rows
                    && size.get(1) instanceof Long cols
                    && rows == rows.intValue()
                    && cols == cols.intValue()) {
                boolean powerOfTwo = quantization.text("scale_fmt", "").equals("ue8m0");
                try {
                    return new Fp8Blocks(rows.intValue(), cols.intValue(), powerOfTwo);
                } catch (IllegalArgumentException e) {
                    throw new ModelException(json.source() + ": " + e.getMessage(), e);
                }
            }
            throw quantization.wrong("weight_block_size", "two numbers, the rows and columns that share a scale");
        });
    }

    /** The text of a config.json that Hugging Face transformers opens, for weights of type {@code weights}. */
    public static String write(ModelConfig config, DType weights) {
        return Json.write(fields(config, weights)) + "\n";
    }

    /**
     * The fields of such a file. A model with softmax scores and no selection bias is a {@code deepseek_v2} there, since the
     * Hugging Face class of V3 knows sigmoid scores only.
     */
    public static Map<String, Object> fields(ModelConfig config, DType weights) {
        boolean v2 = config.scoringFunc() == Scoring.SOFTMAX && !config.hasSelectionBias();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of(v2 ? V2_CLASS : V3_CLASS));
        fields.put("model_type", v2 ? V2 : V3);
        fields.put("attention_bias", false);
        fields.put("attention_dropout", 0.0);
        fields.put("bos_token_id", config.bosTokenId() < 0 ? null : config.bosTokenId());
        fields.put("eos_token_id", config.eosTokenId() < 0 ? null : config.eosTokenId());
        fields.put("first_k_dense_replace", config.firstKDenseReplace());
        fields.put("hidden_act", "silu");
        fields.put("hidden_size", config.hiddenSize());
        fields.put("initializer_range", config.initializerRange());
        fields.put("intermediate_size", config.intermediateSize());
        fields.put("kv_lora_rank", config.kvLoraRank());
        fields.put("max_position_embeddings", config.maxPositionEmbeddings());
        fields.put("moe_intermediate_size", config.moeIntermediateSize());
        fields.put("moe_layer_freq", 1);
        fields.put("n_group", config.nGroup());
        fields.put("n_routed_experts", config.nRoutedExperts());
        fields.put("n_shared_experts", config.nSharedExperts());
        fields.put("norm_topk_prob", config.normTopkProb());
        fields.put("num_attention_heads", config.numAttentionHeads());
        fields.put("num_experts_per_tok", config.numExpertsPerTok());
        fields.put("num_hidden_layers", config.numHiddenLayers());
        fields.put("num_key_value_heads", config.numAttentionHeads());
        fields.put("num_nextn_predict_layers", config.numNextnPredictLayers());
        fields.put("q_lora_rank", config.hasQueryCompression() ? config.qLoraRank() : null);
        fields.put("qk_nope_head_dim", config.qkNopeHeadDim());
        fields.put("qk_rope_head_dim", config.qkRopeHeadDim());
        fields.put("rms_norm_eps", config.rmsNormEps());
        // Hugging Face stretches whenever the field is there; the released code and Gatun only for a longer context
        fields.put("rope_scaling", config.usesYarn() ? yarn(config.ropeScaling()) : null);
        fields.put("rope_theta", config.ropeTheta());
        fields.put("routed_scaling_factor", config.routedScalingFactor());
        fields.put("scoring_func", config.scoringFunc().name().toLowerCase(Locale.ROOT));
        fields.put("tie_word_embeddings", false);
        fields.put("topk_group", config.topkGroup());
        fields.put("topk_method", config.topkMethod().name().toLowerCase(Locale.ROOT));
        fields.put("torch_dtype", weights == DType.F32 ? "float32" : "bfloat16");
        fields.put("use_cache", true);
        fields.put("v_head_dim", config.vHeadDim());
        fields.put("vocab_size", config.vocabSize());
        return fields;
    }

    private static boolean isV3(JsonObject json) {
        String type = json.text("model_type", V3);
        if (type.equals(V3) || json.list("architectures").contains(V3_CLASS)) return true;
        if (type.equals(V2) || json.list("architectures").contains(V2_CLASS)) return false;
        throw json.wrong("model_type", V3 + " or " + V2);
    }

    private static void refuseUnknownArchitecture(JsonObject json) {
        if (json.integer("moe_layer_freq", 1) != 1) throw json.wrong("moe_layer_freq", "1");
        if (!json.text("hidden_act", "silu").equals("silu")) throw json.wrong("hidden_act", "silu");
        if (json.flag("attention_bias", false)) throw json.wrong("attention_bias", "false");
        if (json.flag("mlp_bias", false)) throw json.wrong("mlp_bias", "false");
        if (!json.flag("rope_interleave", true)) throw json.wrong("rope_interleave", "true");
        int heads = json.integer("num_attention_heads");
        if (json.integer("num_key_value_heads", heads) != heads) {
            throw json.wrong("num_key_value_heads", heads + ", as num_attention_heads: each head has its own keys");
        }
    }

    private static int queryRank(JsonObject json) {
        if (!json.mentions("q_lora_rank")) {
            throw json.error("q_lora_rank", "is missing; it is null where queries are not compressed");
        }
        return json.integer("q_lora_rank", 0);
    }

    private static int token(JsonObject json, String name, int otherwise) {
        if (!json.mentions(name)) return otherwise;
        if (json.fields().get(name) instanceof List<?> several) {
            boolean ids = !several.isEmpty() && several.getFirst() instanceof Long first && first == first.intValue();
            if (!ids) throw json.error(name, "is an array that does not start with a token's id");
            return ((Long) several.getFirst()).intValue();
        }
        return json.integer(name, -1);
    }

    private static double ropeTheta(JsonObject json) {
        double otherwise = json.object("rope_parameters")
                .map(rope -> rope.number("rope_theta", 10000))
                .orElse(10000.0);
        return json.number("rope_theta", otherwise);
    }

    private static Yarn yarn(JsonObject json) {
        // rope_parameters is what newer transformers write
        JsonObject rope = json.object("rope_scaling")
                .or(() -> json.object("rope_parameters"))
                .orElse(null);
        if (rope == null) return null;
        String field = rope.has("rope_type") ? "rope_type" : "type";
        String type = rope.text(field, "default");
        if (type.equals("default")) return null;
        if (!type.equals("yarn")) throw rope.wrong(field, "yarn, or default for none");
        return new Yarn(
                rope.number("factor"),
                rope.number("beta_fast", 32),
                rope.number("beta_slow", 1),
                rope.number("mscale"),
                rope.number("mscale_all_dim"),
                rope.integer("original_max_position_embeddings"));
    }

    private static Map<String, Object> yarn(Yarn yarn) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("type", "yarn");
        fields.put("factor", yarn.factor());
        fields.put("beta_fast", yarn.betaFast());
        fields.put("beta_slow", yarn.betaSlow());
        fields.put("mscale", yarn.mscale());
        fields.put("mscale_all_dim", yarn.mscaleAllDim());
        fields.put("original_max_position_embeddings", yarn.originalMaxPositionEmbeddings());
        return fields;
    }
}
