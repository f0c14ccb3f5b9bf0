package io.gatun.trainer.command;

import io.gatun.model.LanguageModel;
import io.gatun.model.chat.ChatEncoding;
import io.gatun.model.chat.ChatMessage;
import io.gatun.model.generate.GenerationRequest;
import io.gatun.model.generate.GenerationResult;
import io.gatun.model.generate.Session;
import io.gatun.model.generate.TokenListener;
import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A conversation: lines from stdin, answers to stdout; prompts and notes to stdout on a terminal, else to stderr. */
@Command(
        name = "chat",
        description = "Talks with a model from a Hugging Face folder; /help says what can be done beside talking.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class ChatCommand implements Callable<Integer> {
    /** Who answers. */
    interface Conversation {
        /**
         * Has the assistant answer.
         *
         * @param messages the whole conversation, the last message being the one to answer
         * @param listener gets the answer while it is written
         * @throws io.gatun.model.ModelException when the conversation does not fit
         */
        GenerationResult send(List<ChatMessage> messages, TokenListener listener);
    }

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "a Hugging Face folder")
    private Path folder;

    @Option(names = "--system", paramLabel = "TEXT", description = "instructions before the conversation")
    private String system = "";

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "most tokens of one answer (default: ${DEFAULT-VALUE})")
    private int maxTokens = 1024;

    @Mixin
    private SamplingOptions sampling;

    @Mixin
    private ModelOptions options;

    @Override
    public Integer call() throws IOException {
        GenerationRequest request =
                GenerationRequest.of("").maxTokens(maxTokens).sampling(sampling.resolve());
        Console console = System.console();
        boolean terminal = console != null && console.isTerminal();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (LanguageModel model = LanguageModel.open(folder, options.resolve());
                Session session = model.newSession()) {
            ChatEncoding encoding = ChatEncoding.of(model.tokenizer());
            Conversation conversation = (messages, listener) -> session.answer(
                    request.promptIds(encoding.promptIds(messages)).stop(encoding.stops()), listener);
            new ChatLoop(conversation, encoding, system, in, out, terminal ? out : System.err).run();
        }
        return 0;
    }
}
