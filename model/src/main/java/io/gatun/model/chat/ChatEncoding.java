package io.gatun.model.chat;

import io.gatun.model.tokenizer.Tokenizer;
import java.util.List;

/**
 * How a conversation becomes the text that a model continues. {@link #of} picks the form by what the tokenizer knows:
 *
 * <ul>
 *   <li>DeepSeek's, where all of its role and tool markers are tokens: the rendering of the chat template that DeepSeek-V3 is
 *       released with, byte for byte. Where {@code </think>} is a token too, as in DeepSeek-R1's tokenizer, earlier answers
 *       lose what comes before it, as R1's template does.
 *   <li>Else a plain form for any model that continues text, for instance one trained on bytes:
 *       {@code system text, blank line, User: …, blank line, Assistant: …}, each turn followed by a blank line.
 * </ul>
 *
 * <p>Markers are recognised wherever they stand, in what a user typed too: that is what the released tokenizers do with a
 * rendered template. A service that takes text from strangers has to take them out first.
 *
 * <p>Encodings are immutable and may be shared by threads.
 */
public sealed interface ChatEncoding permits DeepSeekChat, PlainChat {
    /** The form that {@code tokenizer} can express. */
    static ChatEncoding of(Tokenizer tokenizer) {
        return DeepSeekChat.fits(tokenizer) ? new DeepSeekChat(tokenizer) : new PlainChat(tokenizer);
    }

    /** The conversation so far, begin token included. */
    String transcript(List<ChatMessage> messages);

    /** The conversation so far and the words that let the assistant speak: what to continue. */
    String prompt(List<ChatMessage> messages);

    /** The tokens of {@link #prompt}; nothing is to be put before them. */
    int[] promptIds(List<ChatMessage> messages);

    /** The message in what the model wrote after a {@link #prompt}. */
    ChatMessage answer(String text);

    /** Strings that end an answer, beside the end token. */
    List<String> stops();

    /** Which form this is, in a few words. */
    String describe();
}
