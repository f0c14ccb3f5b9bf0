package io.gatun.model.config;

import static io.gatun.model.config.Role.ATTENTION;
import static io.gatun.model.config.Role.DENSE_FFN;
import static io.gatun.model.config.Role.EMBEDDING;
import static io.gatun.model.config.Role.EXPERT;
import static io.gatun.model.config.Role.GATE;
import static io.gatun.model.config.Role.HEAD;
import static io.gatun.model.config.Role.MTP_PROJECTION;
import static io.gatun.model.config.Role.NORM;
import static io.gatun.model.config.Role.SELECTION_BIAS;
import static io.gatun.model.config.Role.SHARED_EXPERT;

import java.util.ArrayList;
import java.util.List;

/** The names, shapes and order of a model's parameters, in the layout of the released checkpoints (SPEC 1.2). */
public final class ModelParameters {
    public static final String EMBED_TOKENS = "model.embed_tokens.weight";
    public static final String FINAL_NORM = "model.norm.weight";
    public static final String LM_HEAD = "lm_head.weight";

    private final ModelConfig config;
    private final List<ParameterSpec> specs = new ArrayList<>();

    private ModelParameters(ModelConfig config) {
        this.config = config;
    }

    /**
     * Every parameter once, in the order of the forward pass: embedding, blocks, final norm, head, MTP modules. Module k of
     * the MTP modules is layer {@code num_hidden_layers + k - 1}.
     */
    public static List<ParameterSpec> of(ModelConfig config) {
        return List.copyOf(new ModelParameters(config).collect());
    }

    /** How many of {@link #of}, the first ones, make the main model; the rest are the MTP modules'. */
    public static int mainCount(ModelConfig config) {
        return of(config.withoutMtp()).size();
    }

    /** What a checkpoint repeats of parameters that are one in memory: each MTP module's embedding and head. */
    public static List<Copy> copies(ModelConfig config) {
        List<Copy> copies = new ArrayList<>();
        for (int layer = config.numHiddenLayers(); layer < config.blocks(); layer++) {
            copies.add(copy(config, layer(layer) + "embed_tokens.weight", EMBEDDING, EMBED_TOKENS));
            copies.add(copy(config, layer(layer) + "shared_head.head.weight", HEAD, LM_HEAD));
        }
        return copies;
    }

    /** The name of block {@code layer}'s parameters up to and with the dot: {@code model.layers.61.}. */
    public static String layer(int layer) {
        return "model.layers." + layer + ".";
    }

    /**
     * A tensor of the checkpoint that repeats another.
     *
     * @param spec the copy
     * @param original the name of the parameter it repeats
     */
    public record Copy(ParameterSpec spec, String original) {}

    private static Copy copy(ModelConfig config, String name, Role role, String original) {
        return new Copy(ParameterSpec.of(name, role, config.vocabSize(), config.hiddenSize()), original);
    }

    private List<ParameterSpec> collect() {
        int hidden = config.hiddenSize();
        add(EMBED_TOKENS, EMBEDDING, config.vocabSize(), hidden);
        for (int layer = 0; layer < config.numHiddenLayers(); layer++) block(layer);
        add(FINAL_NORM, NORM, hidden);
        add(LM_HEAD, HEAD, config.vocabSize(), hidden);
        for (int layer = config.numHiddenLayers(); layer < config.blocks(); layer++) {
            add(layer(layer) + "enorm.weight", NORM, hidden);
            add(layer(layer) + "hnorm.weight", NORM, hidden);
            add(layer(layer) + "eh_proj.weight", MTP_PROJECTION, hidden, 2L * hidden);
            block(layer);
            add(layer(layer) + "shared_head.norm.weight", NORM, hidden);
        }
        return specs;
    }

    private void block(int layer) {
        add(layer(layer) + "input_layernorm.weight", NORM, config.hiddenSize());
        attention(layer(layer) + "self_attn.");
        add(layer(layer) + "post_attention_layernorm.weight", NORM, config.hiddenSize());
        if (config.isMoe(layer)) {
            experts(layer(layer) + "mlp.");
        } else {
            network(layer(layer) + "mlp.", DENSE_FFN, config.intermediateSize());
        }
    }

    private void attention(String prefix) {
        int hidden = config.hiddenSize();
        long heads = config.numAttentionHeads();
        long queries = heads * config.qkHeadDim();
        if (config.hasQueryCompression()) {
            add(prefix + "q_a_proj.weight", ATTENTION, config.qLoraRank(), hidden);
            add(prefix + "q_a_layernorm.weight", NORM, config.qLoraRank());
            add(prefix + "q_b_proj.weight", ATTENTION, queries, config.qLoraRank());
        } else {
            add(prefix + "q_proj.weight", ATTENTION, queries, hidden);
        }
        add(prefix + "kv_a_proj_with_mqa.weight", ATTENTION, config.kvLoraRank() + config.qkRopeHeadDim(), hidden);
        add(prefix + "kv_a_layernorm.weight", NORM, config.kvLoraRank());
        long keysAndValues = heads * (config.qkNopeHeadDim() + config.vHeadDim());
        add(prefix + "kv_b_proj.weight", ATTENTION, keysAndValues, config.kvLoraRank());
        add(prefix + "o_proj.weight", ATTENTION, hidden, heads * config.vHeadDim());
    }

    private void experts(String prefix) {
        int experts = config.nRoutedExperts();
        add(prefix + "gate.weight", GATE, experts, config.hiddenSize());
        if (config.hasSelectionBias()) add(prefix + "gate.e_score_correction_bias", SELECTION_BIAS, experts);
        for (int e = 0; e < experts; e++) {
            network(prefix + "experts." + e + ".", EXPERT, config.moeIntermediateSize());
        }
        if (config.nSharedExperts() > 0) {
            long width = (long) config.nSharedExperts() * config.moeIntermediateSize();
            network(prefix + "shared_experts.", SHARED_EXPERT, width);
        }
    }

    private void network(String prefix, Role role, long width) {
        add(prefix + "gate_proj.weight", role, width, config.hiddenSize());
        add(prefix + "up_proj.weight", role, width, config.hiddenSize());
        add(prefix + "down_proj.weight", role, config.hiddenSize(), width);
    }

    private void add(String name, Role role, long... shape) {
        specs.add(ParameterSpec.of(name, role, shape));
    }
}
