package io.gatun.model.chat;

import io.gatun.model.chat.ChatMessage.Role;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Turns with their role's name in front, for models that know no markers. */
final class PlainChat implements ChatEncoding {
    private static final String BETWEEN = "\n\n";
    private static final String USER = "User:";
    private static final String ASSISTANT = "Assistant:";
    private static final String TOOL = "Tool:";

    private final Tokenizer tokenizer;
    private final String begin;

    PlainChat(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        begin = Stream.of(ByteLevelTokenizer.END_OF_TEXT, DeepSeekChat.BEGIN)
                .filter(name -> tokenizer.idOf(name).isPresent())
                .findFirst()
                .orElse("");
    }

    @Override
    public String transcript(List<ChatMessage> messages) {
        StringBuilder text = new StringBuilder(begin);
        for (ChatMessage message : messages) {
            if (message.role() == Role.SYSTEM && !message.content().isEmpty()) {
                text.append(message.content()).append(BETWEEN);
            }
        }
        for (ChatMessage message : messages) {
            if (message.role() != Role.SYSTEM) text.append(turn(message)).append(BETWEEN);
        }
        return text.toString();
    }

    private static String turn(ChatMessage message) {
        return switch (message.role()) {
            case SYSTEM -> message.content();
            case USER -> USER + " " + message.content();
            case ASSISTANT -> ASSISTANT + " " + (message.content() == null ? calls(message) : message.content());
            case TOOL -> TOOL + " " + message.content();
        };
    }

    private static String calls(ChatMessage message) {
        return message.toolCalls().stream()
                .map(call -> call.name() + "(" + call.arguments() + ")")
                .collect(Collectors.joining("\n"));
    }

    @Override
    public String prompt(List<ChatMessage> messages) {
        return transcript(messages) + ASSISTANT;
    }

    @Override
    public int[] promptIds(List<ChatMessage> messages) {
        return tokenizer.encode(prompt(messages));
    }

    @Override
    public ChatMessage answer(String text) {
        return ChatMessage.assistant(text.strip());
    }

    @Override
    public List<String> stops() {
        return List.of("\n" + USER); // also after a single line break, as a weak model may write
    }

    @Override
    public String describe() {
        return "a plain form, \"User: …\" and \"Assistant: …\": the tokenizer has no chat markers";
    }
}
