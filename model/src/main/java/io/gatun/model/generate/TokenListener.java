package io.gatun.model.generate;

/** Gets the text while it is written. */
@FunctionalInterface
public interface TokenListener {
    /**
     * New text: whole characters only, and never part of a stop string.
     *
     * @return whether to go on
     */
    boolean text(String piece);
}
