package io.gatun.model.generate;

import io.gatun.model.tokenizer.StreamingDecoder;
import java.util.List;

/** Tokens in, text out: holds back what may be the beginning of a stop string. */
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

    private void look(int before) {
        for (String stop : stops) {
            int at = text.indexOf(stop, Math.max(0, before - stop.length() + 1));
            if (at >= 0) {
                text.setLength(at);
                finish = FinishReason.STOP;
            }
        }
        tell(finish == null ? text.length() - heldBack() : text.length());
    }

    private int heldBack() { // the longest end of the text that begins a stop string
        int most = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, text.length()); length > most; length--) {
                if (stop.startsWith(text.substring(text.length() - length))) most = length;
            }
        }
        return most;
    }

    private void tell(int end) {
        if (end <= told) return;
        String piece = text.substring(told, end);
        told = end;
        if (!listener.text(piece) && finish == null) finish = FinishReason.CANCELLED;
    }
}
