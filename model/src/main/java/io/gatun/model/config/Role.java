package io.gatun.model.config;

/** What a parameter is for: precision, decay and learning-rate choices are made by role, never by name. */
public enum Role {
    /** The embedding table {@code [vocab, hidden]}. */
    EMBEDDING,
    /** The output head {@code [vocab, hidden]}. */
    HEAD,
    /** A projection of latent attention. */
    ATTENTION,
    /** A projection of a dense layer's feed-forward network. */
    DENSE_FFN,
    /** A projection of one routed expert. */
    EXPERT,
    /** A projection of the shared experts. */
    SHARED_EXPERT,
    /** The gate's expert vectors {@code [experts, hidden]}. */
    GATE,
    /** The projection {@code [hidden, 2 hidden]} at the entrance of an MTP module. */
    MTP_PROJECTION,
    /** The gains of an RMSNorm {@code [width]}. */
    NORM,
    /** The gate's selection bias {@code [experts]}: no gradient, moved by the load balancer. */
    SELECTION_BIAS
}
