package io.gatun.model.tokenizer;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntConsumer;
import java.util.regex.Matcher;

/** Byte-level BPE: added tokens are taken out, the rest is cut into pieces by the splits, each piece is merged. */
final class BpeTokenizer implements Tokenizer {
    private final Vocabulary vocabulary;
    private final AddedTokens added;
    private final List<Split> splits;
    private final BytePairs pairs;
    private final SourceFiles files;

    BpeTokenizer(Vocabulary vocabulary, AddedTokens added, List<Split> splits, BytePairs pairs, SourceFiles files) {
        this.vocabulary = vocabulary;
        this.added = added;
        this.splits = splits;
        this.pairs = pairs;
        this.files = files;
    }

    @Override
    public void encode(String text, IntConsumer sink) {
        String whole = WellFormed.text(text);
        added.cut(whole, new Pieces(whole, sink));
    }

    @Override
    public StreamingDecoder decoder(SpecialTokens specials) {
        return new StreamingDecoder(vocabulary, specials);
    }

    @Override
    public int vocabularySize() {
        return vocabulary.size();
    }

    @Override
    public OptionalInt idOf(String token) {
        return vocabulary.idOf(token);
    }

    @Override
    public void write(Path folder) {
        files.write(folder);
    }

    /** One text on its way through the splits. */
    private final class Pieces implements AddedTokens.Parts {
        private final String text;
        private final IntConsumer sink;
        private final Matcher[] matchers; // by stage

        Pieces(String text, IntConsumer sink) {
            this.text = text;
            this.sink = sink;
            matchers =
                    splits.stream().map(split -> split.pattern().matcher(text)).toArray(Matcher[]::new);
        }

        @Override
        public void token(int id) {
            sink.accept(id);
        }

        @Override
        public void text(int from, int to) {
            split(0, from, to);
        }

        private void split(int stage, int from, int to) {
            if (from == to) return;
            if (stage == matchers.length) {
                for (int id : pairs.encode(text.substring(from, to))) sink.accept(id);
                return;
            }
            Split split = splits.get(stage);
            Matcher matcher = matchers[stage].region(from, to);
            int done = from;
            while (matcher.find()) {
                if (isInsideCharacter(matcher.start())) continue; // Java steps there after an empty match
                if (split.keepsGaps()) split(stage + 1, done, matcher.start());
                if (split.keepsMatches()) split(stage + 1, matcher.start(), matcher.end());
                done = matcher.end();
            }
            if (split.keepsGaps()) split(stage + 1, done, to);
        }

        private boolean isInsideCharacter(int at) {
            return at > 0 && at < text.length() && Character.isSurrogatePair(text.charAt(at - 1), text.charAt(at));
        }
    }
}
