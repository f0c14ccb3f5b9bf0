package io.gatun.model.chat;

import io.gatun.model.chat.ChatMessage.Role;
import io.gatun.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.stream.Collectors;

/** The chat template of DeepSeek-V3's tokenizer_config.json, with what it does in odd places. */
final class DeepSeekChat implements ChatEncoding {
    static final String BEGIN = "<｜begin▁of▁sentence｜>";
    private static final String END = "<｜end▁of▁sentence｜>";
    private static final String USER = "<｜User｜>";
    private static final String ASSISTANT = "<｜Assistant｜>";
    private static final String CALLS_BEGIN = "<｜tool▁calls▁begin｜>";
    private static final String CALLS_END = "<｜tool▁calls▁end｜>";
    private static final String CALL_BEGIN = "<｜tool▁call▁begin｜>";
    private static final String CALL_END = "<｜tool▁call▁end｜>";
    private static final String CALL_SEPARATOR = "<｜tool▁sep｜>";
    private static final String OUTPUTS_BEGIN = "<｜tool▁outputs▁begin｜>";
    private static final String OUTPUTS_END = "<｜tool▁outputs▁end｜>";
    private static final String OUTPUT_BEGIN = "<｜tool▁output▁begin｜>";
    private static final String OUTPUT_END = "<｜tool▁output▁end｜>";
    private static final String THINK_END = "</think>";

    /** The tokens without which a tokenizer cannot express this form. */
    static final List<String> MARKERS = List.of(
            BEGIN,
            END,
            USER,
            ASSISTANT,
            CALLS_BEGIN,
            CALLS_END,
            CALL_BEGIN,
            CALL_END,
            CALL_SEPARATOR,
            OUTPUTS_BEGIN,
            OUTPUTS_END,
            OUTPUT_BEGIN,
            OUTPUT_END);

    private final Tokenizer tokenizer;
    private final boolean thinks;

    DeepSeekChat(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        thinks = tokenizer.idOf(THINK_END).isPresent();
    }

    static boolean fits(Tokenizer tokenizer) {
        return MARKERS.stream().allMatch(marker -> tokenizer.idOf(marker).isPresent());
    }

    @Override
    public String transcript(List<ChatMessage> messages) {
        return new Rendering(messages).text.toString();
    }

    @Override
    public String prompt(List<ChatMessage> messages) {
        Rendering rendering = new Rendering(messages);
        if (!rendering.inOutputs) rendering.text.append(ASSISTANT); // after tool outputs the answer follows at once
        return rendering.text.toString();
    }

    @Override
    public int[] promptIds(List<ChatMessage> messages) {
        return tokenizer.encode(prompt(messages));
    }

    @Override
    public ChatMessage answer(String text) {
        return ChatMessage.assistant(text);
    }

    @Override
    public List<String> stops() {
        return List.of();
    }

    @Override
    public String describe() {
        return thinks ? "DeepSeek-R1's format" : "DeepSeek-V3's format";
    }

    /** One run of the template, its variables being the fields. */
    private final class Rendering {
        private final StringBuilder text = new StringBuilder(BEGIN);
        private boolean inOutputs; // is_tool
        private boolean
                called; // is_first; as is_output_first, it is never reset: only the first round has a begin marker
        private boolean hadOutput;

        Rendering(List<ChatMessage> messages) {
            text.append(messages.stream()
                    .filter(message -> message.role() == Role.SYSTEM)
                    .map(ChatMessage::content)
                    .collect(Collectors.joining("\n\n")));
            for (ChatMessage message : messages) append(message);
            if (inOutputs) text.append(OUTPUTS_END);
        }

        private void append(ChatMessage message) {
            switch (message.role()) {
                case SYSTEM -> {}
                case USER -> {
                    inOutputs = false;
                    text.append(USER).append(message.content());
                }
                case ASSISTANT -> {
                    if (message.content() == null) calls(message.toolCalls());
                    else answer(message.content());
                }
                case TOOL -> output(message.content());
            }
        }

        private void calls(List<ToolCall> calls) {
            inOutputs = false;
            for (ToolCall call : calls) {
                text.append(called ? "\n" : ASSISTANT + CALLS_BEGIN);
                text.append(CALL_BEGIN).append(call.type()).append(CALL_SEPARATOR);
                text.append(call.name()).append("\n```json\n").append(call.arguments());
                text.append("\n```").append(CALL_END);
                if (called) text.append(CALLS_END).append(END); // the template has no such end after the first call
                called = true;
            }
        }

        private void answer(String content) {
            if (inOutputs) {
                text.append(OUTPUTS_END).append(content);
            } else {
                text.append(ASSISTANT).append(thinks ? withoutThinking(content) : content);
            }
            text.append(END);
            inOutputs = false;
        }

        private String withoutThinking(String content) {
            int end = content.lastIndexOf(THINK_END);
            return end < 0 ? content : content.substring(end + THINK_END.length());
        }

        private void output(String content) {
            text.append(hadOutput ? "\n" : OUTPUTS_BEGIN);
            text.append(OUTPUT_BEGIN).append(content).append(OUTPUT_END);
            inOutputs = true;
            hadOutput = true;
        }
    }
}
