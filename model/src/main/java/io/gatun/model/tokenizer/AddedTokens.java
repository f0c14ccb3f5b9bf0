package io.gatun.model.tokenizer;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Finds added tokens in a text: the longest at the leftmost place, first those that are not {@code normalized}, then the
 * others in what is left between them (tokenizers 0.21, added_vocabulary.rs).
 */
final class AddedTokens {
    /** Receives a text from left to right. */
    interface Parts {
        /** Text without added tokens, never empty. */
        void text(int from, int to);

        void token(int id);
    }

    private static final Pattern WORD = Pattern.compile("\\w", Pattern.UNICODE_CHARACTER_CLASS);
    private final Trie first = new Trie();
    private final Trie second = new Trie();

    AddedTokens(List<AddedToken> tokens) {
        for (AddedToken token : tokens) (token.normalized() ? second : first).add(token);
    }

    void cut(String text, Parts parts) {
        cut(first, text, 0, text.length(), new Parts() {
            @Override
            public void text(int from, int to) {
                cut(second, text, from, to, parts);
            }

            @Override
            public void token(int id) {
                parts.token(id);
            }
        });
    }

    private static void cut(Trie tokens, String text, int from, int to, Parts parts) {
        int done = from;
        int at = tokens.next(text, from, to);
        while (at < to) {
            AddedToken token = tokens.longest(text, at, to);
            if (token == null) {
                at = tokens.next(text, at + 1, to);
                continue;
            }
            int start = at;
            int stop = at + token.content().length();
            at = tokens.next(text, stop, to); // not behind the white space that rstrip takes: as in the Rust code
            if (token.singleWord() && (wordBefore(text, from, start) || wordAfter(text, stop, to))) continue;
            if (token.lstrip()) while (start > done && isWhiteSpace(text.charAt(start - 1))) start--;
            if (token.rstrip()) while (stop < to && isWhiteSpace(text.charAt(stop))) stop++;
            if (done < start) parts.text(done, start);
            parts.token(token.id());
            done = stop;
        }
        if (done < to) parts.text(done, to);
    }

    private static boolean wordBefore(String text, int from, int at) {
        return at > from && isWord(text.codePointBefore(at));
    }

    private static boolean wordAfter(String text, int at, int to) {
        return at < to && isWord(text.codePointAt(at));
    }

    private static boolean isWord(int codePoint) {
        return WORD.matcher(Character.toString(codePoint)).matches();
    }

    /** Unicode's White_Space, all of it in the basic plane. */
    private static boolean isWhiteSpace(char c) {
        return c >= '\t' && c <= '\r' || c == '\u0085' || Character.isSpaceChar(c);
    }

    private static final class Trie {
        private static final class Node {
            private final Map<Character, Node> next = new HashMap<>(2);
            private AddedToken token;
        }

        private final Node root = new Node();
        private final BitSet starts = new BitSet(); // first characters: most of a text is skipped by these alone

        void add(AddedToken token) {
            Node node = root;
            for (char c : token.content().toCharArray()) node = node.next.computeIfAbsent(c, key -> new Node());
            node.token = token;
            starts.set(token.content().charAt(0));
        }

        /** The first place from {@code from} on where a token may start, or {@code to}. */
        int next(String text, int from, int to) {
            if (starts.isEmpty()) return to;
            int at = from;
            while (at < to && !starts.get(text.charAt(at))) at++;
            return at;
        }

        AddedToken longest(String text, int at, int to) {
            AddedToken longest = null;
            Node node = root;
            for (int i = at; i < to; i++) {
                node = node.next.get(text.charAt(i));
                if (node == null) break;
                if (node.token != null) longest = node.token;
            }
            return longest;
        }
    }
}
