package io.gatun.model.config;

import static io.gatun.model.config.Rules.atMost;
import static io.gatun.model.config.Rules.given;
import static io.gatun.model.config.Rules.notNegative;
import static io.gatun.model.config.Rules.positive;
import static io.gatun.model.config.Rules.rule;

/**
 * The shape of a DeepSeek-V3 or -V2 model (SPEC 1.1): the fields of a Hugging Face {@code config.json} under Java names. An
 * instance cannot be wrong: the constructor refuses what does not fit together, naming the field as the file does.
 */
public record ModelConfig(
        int vocabSize, // rows of the embedding and of the head
        int hiddenSize, // d, the width of the residual stream
        int intermediateSize, // width of a dense layer's feed-forward network
        int moeIntermediateSize, // width of one expert
        int numHiddenLayers, // L, the main model's blocks, MTP modules not counted
        int numAttentionHeads, // H
        int nRoutedExperts, // E
        int nSharedExperts, // one network of this many widths, applied to every token; 0: none
        double routedScalingFactor, // what the routed experts' weights are multiplied by
        int kvLoraRank, // the latent that the cache holds per token, beside qkRopeHeadDim
        int qLoraRank, // the queries' latent; 0: queries are not compressed
        int qkRopeHeadDim, // the rotated part of a head's query, and the one rotated key
        int vHeadDim, // a head's value
        int qkNopeHeadDim, // the part of a head's query and key that carries no position
        int nGroup, // groups that experts are divided into
        int topkGroup, // groups a token may choose from
        int numExpertsPerTok, // K, routed experts per token
        int firstKDenseReplace, // leading layers with a dense network in place of experts
        boolean normTopkProb, // whether a token's K weights are divided by their sum
        Scoring scoringFunc,
        TopkMethod topkMethod,
        int maxPositionEmbeddings, // the longest sequence, in tokens
        double rmsNormEps,
        double ropeTheta, // the base of the rotary frequencies
        Yarn ropeScaling, // null: none
        int numNextnPredictLayers, // D, the number of MTP modules
        boolean tieWordEmbeddings, // always false
        double initializerRange, // standard deviation of fresh weights
        int bosTokenId, // -1: none
        int eosTokenId) { // -1: none
    public ModelConfig {
        positive("vocab_size", vocabSize);
        positive("hidden_size", hiddenSize);
        positive("intermediate_size", intermediateSize);
        positive("num_hidden_layers", numHiddenLayers);
        rule(
                firstKDenseReplace >= 0 && firstKDenseReplace <= numHiddenLayers,
                "first_k_dense_replace is %d and num_hidden_layers is %d: dense layers are some of all layers",
                firstKDenseReplace,
                numHiddenLayers);
        notNegative("num_nextn_predict_layers", numNextnPredictLayers);
        positive("max_position_embeddings", maxPositionEmbeddings);
        positive("rms_norm_eps", rmsNormEps);
        rule(!tieWordEmbeddings, "tie_word_embeddings is true; the embedding and the head are two tensors here");
        positive("initializer_range", initializerRange);
        token("bos_token_id", bosTokenId, vocabSize);
        token("eos_token_id", eosTokenId, vocabSize);

        positive("num_attention_heads", numAttentionHeads);
        positive("kv_lora_rank", kvLoraRank);
        notNegative("q_lora_rank", qLoraRank);
        positive("qk_nope_head_dim", qkNopeHeadDim);
        positive("qk_rope_head_dim", qkRopeHeadDim);
        rule(
                qkRopeHeadDim % 2 == 0,
                "qk_rope_head_dim is %d; rotary embedding turns pairs, so it is even",
                qkRopeHeadDim);
        positive("v_head_dim", vHeadDim);
        rule(ropeTheta > 1 && ropeTheta < Double.POSITIVE_INFINITY, "rope_theta is %s; a base is above 1", ropeTheta);

        positive("moe_intermediate_size", moeIntermediateSize);
        positive("n_routed_experts", nRoutedExperts);
        notNegative("n_shared_experts", nSharedExperts);
        positive("routed_scaling_factor", routedScalingFactor);
        given("scoring_func", scoringFunc);
        given("topk_method", topkMethod);
        checkGroups(nRoutedExperts, nGroup, topkGroup, topkMethod);
        checkLimits(
                vocabSize,
                hiddenSize,
                intermediateSize,
                moeIntermediateSize,
                numHiddenLayers,
                numAttentionHeads,
                nRoutedExperts,
                nSharedExperts,
                kvLoraRank,
                qLoraRank,
                qkRopeHeadDim,
                vHeadDim,
                qkNopeHeadDim,
                numNextnPredictLayers);
        int eligible = nRoutedExperts / nGroup * topkGroup;
        rule(
                numExpertsPerTok > 0 && numExpertsPerTok <= eligible,
                "num_experts_per_tok is %d; a token chooses from 1 to %d experts (n_routed_experts %d, n_group %d, topk_group %d)",
                numExpertsPerTok,
                eligible,
                nRoutedExperts,
                nGroup,
                topkGroup);
    }

    /** Far above any model, and low enough that products of sizes and lists of parameters can be had. */
    private static void checkLimits(
            int vocabulary,
            int hidden,
            int dense,
            int expert,
            int layers,
            int heads,
            int experts,
            int shared,
            int keyRank,
            int queryRank,
            int ropeDim,
            int valueDim,
            int nopeDim,
            int modules) {
        atMost("vocab_size", vocabulary, 1 << 24);
        atMost("hidden_size", hidden, 1 << 20);
        atMost("intermediate_size", dense, 1 << 20);
        atMost("moe_intermediate_size", expert, 1 << 20);
        atMost("num_hidden_layers", layers, 10_000);
        atMost("num_nextn_predict_layers", modules, 1_000);
        atMost("num_attention_heads", heads, 1 << 16);
        atMost("n_shared_experts", shared, 1 << 10);
        atMost("kv_lora_rank", keyRank, 1 << 20);
        atMost("q_lora_rank", queryRank, 1 << 20);
        atMost("qk_rope_head_dim", ropeDim, 1 << 16);
        atMost("qk_nope_head_dim", nopeDim, 1 << 16);
        atMost("v_head_dim", valueDim, 1 << 16);
        rule(
                (long) (layers + modules) * experts <= 1 << 18,
                "num_hidden_layers is %d and n_routed_experts is %d: at most %d experts in all layers are known to Gatun",
                layers,
                experts,
                1 << 18);
    }

    private static void checkGroups(int experts, int groups, int kept, TopkMethod method) {
        positive("n_group", groups);
        rule(
                experts % groups == 0,
                "n_routed_experts is %d and n_group is %d: experts divide evenly into groups",
                experts,
                groups);
        rule(
                kept > 0 && kept <= groups,
                "topk_group is %d and n_group is %d: a token keeps some of the groups",
                kept,
                groups);
        rule(
                method != TopkMethod.GREEDY || groups == 1,
                "topk_method is greedy, which knows no groups, and n_group is %d; it is 1",
                groups);
        rule(
                method != TopkMethod.NOAUX_TC || groups == 1 || experts / groups >= 2,
                "n_routed_experts is %d and n_group is %d: noaux_tc ranks groups by their two best experts",
                experts,
                groups);
    }

    private static void token(String field, int id, int vocabulary) {
        rule(
                id >= -1 && id < vocabulary,
                "%s is %d and vocab_size is %d: an id is below the vocabulary's size",
                field,
                id,
                vocabulary);
    }

    /** The width of a head's query and key: the part without position and the rotated part. */
    public int qkHeadDim() {
        return qkNopeHeadDim + qkRopeHeadDim;
    }

    /** Whether queries go through a latent of their own. */
    public boolean hasQueryCompression() {
        return qLoraRank > 0;
    }

    /** Whether block {@code layer} has experts; MTP modules, numbered from {@link #numHiddenLayers} on, always have. */
    public boolean isMoe(int layer) {
        return layer >= firstKDenseReplace;
    }

    /** Whether the gate has a bias that takes part in selection only ({@code mlp.gate.e_score_correction_bias}). */
    public boolean hasSelectionBias() {
        return topkMethod == TopkMethod.NOAUX_TC;
    }

    /** Whether rotary frequencies are stretched: only for a context longer than the original one, as in the released code. */
    public boolean usesYarn() {
        return ropeScaling != null && maxPositionEmbeddings > ropeScaling.originalMaxPositionEmbeddings();
    }

    /** What attention scores are multiplied by before the softmax (SPEC 2.2, 2.4). */
    public double softmaxScale() {
        double scale = 1 / Math.sqrt(qkHeadDim());
        return usesYarn() ? scale * ropeScaling.scoreFactor() : scale;
    }

    /** The same model without its MTP modules, which predictions of the next token do not need. */
    public ModelConfig withoutMtp() {
        return new ModelConfig(
                vocabSize,
                hiddenSize,
                intermediateSize,
                moeIntermediateSize,
                numHiddenLayers,
                numAttentionHeads,
                nRoutedExperts,
                nSharedExperts,
                routedScalingFactor,
                kvLoraRank,
                qLoraRank,
                qkRopeHeadDim,
                vHeadDim,
                qkNopeHeadDim,
                nGroup,
                topkGroup,
                numExpertsPerTok,
                firstKDenseReplace,
                normTopkProb,
                scoringFunc,
                topkMethod,
                maxPositionEmbeddings,
                rmsNormEps,
                ropeTheta,
                ropeScaling,
                0,
                tieWordEmbeddings,
                initializerRange,
                bosTokenId,
                eosTokenId);
    }

    /** The blocks of the main model and of the MTP modules together. */
    public int blocks() {
        return numHiddenLayers + numNextnPredictLayers;
    }
}
