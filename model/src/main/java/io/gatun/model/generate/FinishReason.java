package io.gatun.model.generate;

/** Why a text ended. */
public enum FinishReason {
    /** The model wrote its end token. */
    END,
    /** A stop string came up. */
    STOP,
    /** The request's, or the model's, limit of tokens was reached. */
    LENGTH,
    /** The listener asked for no more. */
    CANCELLED
}
