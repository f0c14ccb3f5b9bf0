package io.gatun.trainer.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.ModelException;
import io.gatun.model.chat.ChatEncoding;
import io.gatun.model.chat.ChatMessage;
import io.gatun.model.generate.FinishReason;
import io.gatun.model.generate.GenerationResult;
import io.gatun.model.generate.TokenListener;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import sun.misc.Signal;

class ChatLoopTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream notes = new ByteArrayOutputStream();
    private final List<List<ChatMessage>> asked = new ArrayList<>();

    /** Answers with the number of messages. */
    private GenerationResult count(List<ChatMessage> messages, TokenListener listener) {
        asked.add(messages);
        String text = " " + messages.size() + " é";
        listener.text(text.substring(0, 2));
        listener.text(text.substring(2));
        return result(text, FinishReason.END);
    }

    private static GenerationResult result(String text, FinishReason finish) {
        return new GenerationResult(
                text,
                new int[] {1, 2},
                finish,
                new GenerationResult.Usage(30, 20, 2),
                List.of(),
                new GenerationResult.Drafts(4, 3),
                "bf16");
    }

    private void talk(ChatCommand.Conversation conversation, String system, String... lines) throws IOException {
        BufferedReader in = new BufferedReader(new StringReader(String.join("\n", lines)));
        ChatEncoding encoding = ChatEncoding.of(new ByteLevelTokenizer());
        PrintStream answers = new PrintStream(out, false, UTF_8);
        new ChatLoop(conversation, encoding, system, in, answers, new PrintStream(notes, true, UTF_8)).run();
        answers.flush();
    }

    @Test
    void theWholeConversationIsAskedEachTime() throws IOException {
        talk(this::count, "", "one", "", "  ", "two");
        assertThat(asked)
                .containsExactly(
                        List.of(ChatMessage.user("one")),
                        List.of(ChatMessage.user("one"), ChatMessage.assistant("1 é"), ChatMessage.user("two")));
        assertThat(out.toString(UTF_8)).isEqualToNormalizingNewlines(" 1 é\n 3 é\n");
        assertThat(notes.toString(UTF_8))
                .startsWith("conversation in a plain form")
                .contains("> ");
    }

    @Test
    void resetForgetsAllButTheInstructions() throws IOException {
        talk(this::count, "Be kind.", "one", "/reset", "two");
        assertThat(asked)
                .containsExactly(
                        List.of(ChatMessage.system("Be kind."), ChatMessage.user("one")),
                        List.of(ChatMessage.system("Be kind."), ChatMessage.user("two")));
    }

    @Test
    void instructionsMayChangeOnTheWay() throws IOException {
        talk(this::count, "", "one", "/system  Be brief. ", "two", "/system", "three");
        assertThat(asked.get(0)).hasSize(1);
        assertThat(asked.get(1)).hasSize(4).startsWith(ChatMessage.system("Be brief."), ChatMessage.user("one"));
        assertThat(asked.get(2)).hasSize(5).startsWith(ChatMessage.user("one"));
    }

    @Test
    void statsTellOfTheLastAnswer() throws IOException {
        talk(this::count, "", "/stats", "one", "/stats");
        assertThat(notes.toString(UTF_8))
                .contains("nothing was said yet")
                .containsPattern(
                        "30 prompt tokens \\(20 of them cached\\), 2 new tokens in [0-9.]+ s, bf16; finished by end; "
                                + "3 of 4 drafts accepted \\(75 %\\)");
    }

    @Test
    void exitEndsAndSlashesCanBeSaid() throws IOException {
        talk(this::count, "", "//exit", "/unknown thing", "/help", "/exit", "never");
        assertThat(asked).containsExactly(List.of(ChatMessage.user("/exit")));
        assertThat(notes.toString(UTF_8))
                .contains("there is no /unknown; /help lists what there is")
                .contains("/reset        forgets");
    }

    @Test
    void whatDoesNotFitIsTakenBack() throws IOException {
        ChatCommand.Conversation conversation = (messages, listener) -> {
            if (messages.getLast().content().equals("long")) throw new ModelException("it does not fit");
            return count(messages, listener);
        };
        talk(conversation, "", "one", "long", "two");
        assertThat(asked.getLast()).hasSize(3).doesNotContain(ChatMessage.user("long"));
        assertThat(notes.toString(UTF_8)).contains("gatun: it does not fit; /reset starts anew");
    }

    @Test
    @Timeout(30)
    void ctrlCEndsTheAnswerAndNotTheConversation() throws IOException {
        ChatCommand.Conversation conversation = (messages, listener) -> {
            asked.add(messages);
            if (messages.size() > 1) return result("done", FinishReason.END);
            Signal.raise(new Signal("INT"));
            while (listener.text("a")) Thread.onSpinWait();
            return result("half an answer", FinishReason.CANCELLED);
        };
        talk(conversation, "", "one", "two");
        assertThat(asked.getLast()).contains(ChatMessage.assistant("half an answer"));
        assertThat(out.toString(UTF_8)).startsWith("a");
    }
}
