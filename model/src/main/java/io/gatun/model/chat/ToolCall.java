package io.gatun.model.chat;

import java.util.Objects;

/**
 * An assistant's wish to have a tool run.
 *
 * @param type {@code function}: DeepSeek knows no other
 * @param name of the function
 * @param arguments JSON, written into the conversation as it is
 */
public record ToolCall(String type, String name, String arguments) {
    public ToolCall {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(arguments, "arguments");
    }

    /** A call of a function. */
    public static ToolCall function(String name, String arguments) {
        return new ToolCall("function", name, arguments);
    }
}
