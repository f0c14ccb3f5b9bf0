package io.gatun.model.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.model.json.Json;
import io.gatun.model.json.JsonObject;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.model.tokenizer.TokenizerJson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class ChatEncodingTest {
    private static final String DEEPSEEK_TOKENIZER = "GATUN_DEEPSEEK_TOKENIZER";

    private final ChatEncoding deepSeek = ChatEncoding.of(new ByteLevelTokenizer(DeepSeekChat.MARKERS));
    private final ChatEncoding plain = ChatEncoding.of(new ByteLevelTokenizer());

    /** A conversation of test-data/tokenizer/cases.json, which says where it comes from. */
    private record Case(String name, List<ChatMessage> messages, boolean prompt, String rendered, int[] ids) {}

    private static List<Case> cases() {
        Path file = Path.of(System.getProperty("gatun.root"), "test-data", "tokenizer", "cases.json");
        return objects(JsonObject.of(Json.read(file), "cases.json").list("chats")).stream()
                .map(chat -> new Case(
                        chat.text("name"),
                        objects(chat.list("messages")).stream()
                                .map(ChatEncodingTest::message)
                                .toList(),
                        chat.flag("add_generation_prompt", false),
                        chat.text("rendered"),
                        chat.list("ids").stream()
                                .mapToInt(id -> ((Number) id).intValue())
                                .toArray()))
                .toList();
    }

    private static ChatMessage message(JsonObject json) {
        List<ToolCall> calls = objects(json.list("tool_calls")).stream()
                .map(call -> {
                    JsonObject function = call.object("function").orElseThrow();
                    return new ToolCall(call.text("type"), function.text("name"), function.text("arguments"));
                })
                .toList();
        ChatMessage.Role role = ChatMessage.Role.valueOf(json.text("role").toUpperCase(Locale.ROOT));
        return new ChatMessage(role, json.has("content") ? json.text("content") : null, calls);
    }

    private static List<JsonObject> objects(List<?> trees) {
        List<JsonObject> objects = new ArrayList<>();
        for (Object tree : trees) objects.add(JsonObject.of(tree, "cases.json"));
        return objects;
    }

    @Test
    void rendersAsTheReleasedTemplate() {
        List<Case> cases = cases();
        assertThat(cases).hasSize(14);
        for (Case c : cases) {
            String rendered = c.prompt ? deepSeek.prompt(c.messages) : deepSeek.transcript(c.messages);
            assertThat(rendered).as(c.name).isEqualTo(c.rendered);
        }
    }

    @Test
    void givesTheGoldenIds() {
        String file = System.getProperty(DEEPSEEK_TOKENIZER, System.getenv(DEEPSEEK_TOKENIZER));
        assumeTrue(
                file != null,
                "needs DeepSeek-V3's tokenizer.json, named by the environment variable " + DEEPSEEK_TOKENIZER);
        Tokenizer tokenizer = TokenizerJson.read(Path.of(file));
        ChatEncoding encoding = ChatEncoding.of(tokenizer);
        assertThat(encoding.describe()).isEqualTo("DeepSeek-V3's format");
        for (Case c : cases()) {
            int[] ids = c.prompt ? encoding.promptIds(c.messages) : tokenizer.encode(encoding.transcript(c.messages));
            assertThat(ids).as(c.name).containsExactly(c.ids);
        }
    }

    @Test
    void onlyAModelThatThinksLosesItsThoughts() {
        List<ChatMessage> messages = List.of(
                ChatMessage.user("a"),
                ChatMessage.assistant("<think>hm</think>no, </think>\n\nb"),
                ChatMessage.user("c"));
        assertThat(deepSeek.prompt(messages)).contains("<｜Assistant｜><think>hm</think>no, </think>\n\nb<｜end");
        List<String> markers = new ArrayList<>(DeepSeekChat.MARKERS);
        markers.addAll(List.of("<think>", "</think>"));
        ChatEncoding thinking = ChatEncoding.of(new ByteLevelTokenizer(markers));
        assertThat(thinking.describe()).isEqualTo("DeepSeek-R1's format");
        assertThat(thinking.prompt(messages))
                .isEqualTo("<｜begin▁of▁sentence｜><｜User｜>a<｜Assistant｜>\n\nb<｜end▁of▁sentence｜>"
                        + "<｜User｜>c<｜Assistant｜>");
    }

    @Test
    void aTokenizerWithoutAllMarkersGetsThePlainForm() {
        List<String> markers = DeepSeekChat.MARKERS.subList(0, DeepSeekChat.MARKERS.size() - 1);
        ChatEncoding encoding = ChatEncoding.of(new ByteLevelTokenizer(markers));
        assertThat(encoding.describe()).startsWith("a plain form");
        assertThat(encoding.prompt(List.of(ChatMessage.user("a"))))
                .isEqualTo("<｜begin▁of▁sentence｜>User: a\n\nAssistant:");
    }

    @Test
    void thePlainFormHasNamesBeforeTurns() {
        List<ChatMessage> messages = List.of(
                ChatMessage.user("weather?"),
                ChatMessage.system("Be brief."),
                ChatMessage.calls(ToolCall.function("weather", "{}"), ToolCall.function("time", "{\"z\": 1}")),
                ChatMessage.tool("rain"),
                ChatMessage.assistant("Rain."),
                ChatMessage.system(""),
                ChatMessage.user("thanks"));
        String transcript = """
                <|end_of_text|>Be brief.

                User: weather?

                Assistant: weather({})
                time({"z": 1})

                Tool: rain

                Assistant: Rain.

                User: thanks

                """;
        assertThat(plain.transcript(messages)).isEqualTo(transcript);
        assertThat(plain.prompt(messages)).isEqualTo(transcript + "Assistant:");
        assertThat(plain.promptIds(messages)).startsWith(256, 'B', 'e').endsWith('n', 't', ':');
    }

    @Test
    void thePlainFormTakesAnAnswerOutOfItsBlanks() {
        assertThat(plain.answer(" Hi there.\n")).isEqualTo(ChatMessage.assistant("Hi there."));
        assertThat(plain.stops()).containsExactly("\nUser:");
        assertThat(deepSeek.answer(" as it is \n")).isEqualTo(ChatMessage.assistant(" as it is \n"));
        assertThat(deepSeek.stops()).isEmpty();
    }

    @Test
    void messagesCannotBeWrong() {
        ToolCall call = ToolCall.function("f", "{}");
        assertThatThrownBy(() -> new ChatMessage(ChatMessage.Role.USER, "x", List.of(call)))
                .hasMessage("a user message has tool calls; only an assistant's may");
        assertThatThrownBy(() -> new ChatMessage(ChatMessage.Role.ASSISTANT, "x", List.of(call)))
                .hasMessageContaining("both content and tool calls");
        assertThatThrownBy(() -> ChatMessage.tool(null)).hasMessage("a tool message has no content");
        assertThat(new ChatMessage(ChatMessage.Role.ASSISTANT, "", List.of(call)))
                .isEqualTo(ChatMessage.calls(call));
    }
}
