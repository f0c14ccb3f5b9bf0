package io.gatun.trainer.data;

/** How the documents of a text become one stream of tokens. Every stream begins with one separator token. */
public enum Joining {
    /** One after the other as they are: what divides them is part of their text. */
    RUNNING_TEXT,
    /** With the tokenizer's separator after each. */
    SEPARATOR_TOKEN
}
