package io.gatun.trainer.command;

import io.gatun.model.ModelException;
import io.gatun.model.chat.ChatEncoding;
import io.gatun.model.chat.ChatMessage;
import io.gatun.model.generate.GenerationResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Reads lines and has them answered, the whole conversation in view, until the input or the user ends it. */
final class ChatLoop {
    private static final String HELP = """
            /reset        forgets the conversation
            /system TEXT  sets the instructions before the conversation; without a text, none
            /stats        what the last answer took
            /exit         ends, as Ctrl-D does
            //TEXT        says /TEXT
            Ctrl-C stops an answer""";

    private final ChatCommand.Conversation conversation;
    private final ChatEncoding encoding;
    private final BufferedReader in;
    private final PrintStream out;
    private final PrintStream notes;
    private final List<ChatMessage> history = new ArrayList<>();
    private String system;
    private String stats = "nothing was said yet";

    /**
     * @param system instructions before the conversation; empty: none
     * @param out where answers go
     * @param notes where all else goes
     */
    ChatLoop(
            ChatCommand.Conversation conversation,
            ChatEncoding encoding,
            String system,
            BufferedReader in,
            PrintStream out,
            PrintStream notes) {
        this.conversation = conversation;
        this.encoding = encoding;
        this.system = system;
        this.in = in;
        this.out = out;
        this.notes = notes;
    }

    /** Talks until the input ends, or {@code /exit}. */
    void run() throws IOException {
        notes.println("conversation in " + encoding.describe());
        notes.println("/help lists what can be done beside talking; Ctrl-D ends");
        for (String line = read(); line != null && !line.strip().equals("/exit"); line = read()) {
            if (line.startsWith("//")) {
                say(line.substring(1));
            } else if (line.startsWith("/")) {
                obey(line.strip());
            } else if (!line.isBlank()) {
                say(line);
            }
        }
    }

    private String read() throws IOException {
        notes.print("> ");
        notes.flush();
        String line = in.readLine();
        if (line == null) notes.println(); // Ctrl-D leaves the cursor behind the prompt
        return line;
    }

    private void obey(String line) {
        int space = line.indexOf(' ');
        String command = space < 0 ? line : line.substring(0, space);
        String argument = space < 0 ? "" : line.substring(space + 1).strip();
        switch (command) {
            case "/help" -> notes.println(HELP);
            case "/reset" -> {
                history.clear();
                notes.println("the conversation is forgotten");
            }
            case "/system" -> {
                system = argument;
                notes.println(system.isEmpty() ? "no instructions" : "the instructions hold from the next answer on");
            }
            case "/stats" -> notes.println(stats);
            default -> notes.println("there is no " + command + "; /help lists what there is");
        }
    }

    private void say(String text) {
        history.add(ChatMessage.user(text));
        long start = System.nanoTime();
        try (CtrlC ctrlC = new CtrlC()) {
            GenerationResult result = conversation.send(messages(), piece -> {
                out.print(piece);
                out.flush();
                return !ctrlC.pressed();
            });
            out.println();
            history.add(encoding.answer(result.text()));
            stats = AnswerSummary.of(result, (System.nanoTime() - start) * 1e-9);
        } catch (ModelException e) { // mostly a conversation that has grown too long
            history.removeLast();
            notes.println("gatun: " + e.getMessage() + "; /reset starts anew");
        }
    }

    private List<ChatMessage> messages() {
        List<ChatMessage> messages = new ArrayList<>();
        if (!system.isEmpty()) messages.add(ChatMessage.system(system));
        messages.addAll(history);
        return List.copyOf(messages);
    }
}
