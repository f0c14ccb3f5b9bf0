package io.gatun.model.generate;

import io.gatun.model.tokenizer.StreamingDecoder;
import java.util.List;

/**
 * Tokens in, text out: holds back what may be the beginning of a stop string. Of several stop strings the one that is complete
 * first ends the text, of two that end together the longer; how the text is cut into tokens makes no difference.
 */
final class TextStream {
    private final StreamingDecoder decoder;
    private final List<String> stops;
    private final TokenListener listener;
    private final StringBuilder text = new StringBuilder();
    private int told; // characters of the text that the listener has
    private FinishReason finish;

    TextStream(StreamingDecoder decoder, List<String> stops, TokenListener listener) {
        this.decoder = decoder;
        this.stops = stops;
        this.listener = listener;
    }

    /** Why no more text is wanted; null while it is. */
    FinishReason finish() {
        return finish;
    }

    /** All text so far, without a stop string. */
    String text() {
        return text.toString();
    }

    void token(int id) {
        int before = text.length();
        decoder.append(id, text);
        if (text.length() > before) look(before);
    }

    /** Tells the listener what was held back. */
    void end() {
        if (finish != null) return;
        int before = text.length();
        text.append(decoder.finish());
        look(before);
        if (finish == null) tell(text.length());
    }

    /** Looks for stop strings that characters from {@code before} on completed. */
    private void look(int before) {
        int cut = -1;
        int end = Integer.MAX_VALUE; // the first to be complete counts, so that token borders do not matter
        for (String stop : stops) {
            int at = text.indexOf(stop, Math.max(0, before - stop.length() + 1));
            if (at < 0) continue;
            int stopEnd = at + stop.length();
            if (stopEnd < end || stopEnd == end && at < cut) {
                cut = at;
                end = stopEnd;
            }
        }
        if (cut >= 0) {
            text.setLength(cut);
            finish = FinishReason.STOP;
        }
        tell(finish == null ? text.length() - heldBack() : text.length());
    }

    private int heldBack() { // the longest end of the text that begins a stop string
        int most = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, text.length()); length > most; length--) {
                if (endsWith(stop, length)) most = length;
            }
        }
        return most;
    }

    private boolean endsWith(String stop, int length) {
        int from = text.length() - length;
        for (int i = 0; i < length; i++) {
            if (text.charAt(from + i) != stop.charAt(i)) return false;
        }
        return true;
    }

    private void tell(int end) {
        if (end <= told) return;
        String piece = text.substring(told, end);
        told = end;
        if (!listener.text(piece) && finish == null) finish = FinishReason.CANCELLED;
    }
}
