package io.gatun.model.chat;

import java.util.List;
import java.util.Locale;

/**
 * One turn of a conversation.
 *
 * @param role whose turn it is
 * @param content what was said, white space and all; null in an assistant's message that calls tools instead
 * @param toolCalls what an assistant wants to have run; empty in every other message
 */
public record ChatMessage(Role role, String content, List<ToolCall> toolCalls) {
    /** Whose turn a message is. */
    public enum Role {
        /** Instructions: they stand before the conversation wherever they are given. */
        SYSTEM,
        USER,
        ASSISTANT,
        /** What a tool gave back. */
        TOOL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public ChatMessage {
        toolCalls = List.copyOf(toolCalls);
        if (!toolCalls.isEmpty()) {
            if (role != Role.ASSISTANT) {
                throw new IllegalArgumentException("a " + role + " message has tool calls; only an assistant's may");
            }
            if (content != null && content.isEmpty()) content = null; // many clients write it so
            if (content != null) {
                throw new IllegalArgumentException(
                        "an assistant message has both content and tool calls; DeepSeek's format has room for one");
            }
        } else if (content == null) {
            throw new IllegalArgumentException("a " + role + " message has no content");
        }
    }

    public static ChatMessage system(String content) {
        return new ChatMessage(Role.SYSTEM, content, List.of());
    }

    public static ChatMessage user(String content) {
        return new ChatMessage(Role.USER, content, List.of());
    }

    public static ChatMessage assistant(String content) {
        return new ChatMessage(Role.ASSISTANT, content, List.of());
    }

    /** An assistant's message that calls tools. */
    public static ChatMessage calls(ToolCall... calls) {
        return new ChatMessage(Role.ASSISTANT, null, List.of(calls));
    }

    /** What a tool gave back. */
    public static ChatMessage tool(String content) {
        return new ChatMessage(Role.TOOL, content, List.of());
    }
}
