package io.gatun.model.tokenizer;

import io.gatun.model.json.Excerpt;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Compiles the regular expressions of tokenizer.json, which Hugging Face's library gives to Oniguruma (Ruby syntax), for
 * Java's engine. Accepts what means the same in both, under flags that make it so, and refuses the rest: {@code \h} is a
 * hexadecimal digit there and a space here, {@code a{2}+} repeats there and forbids backtracking here.
 */
final class OnigurumaRegex {
    /** White space, digits and case by Unicode; {@code .}, {@code ^} and {@code $} know one line end, the line feed. */
    private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES | Pattern.MULTILINE;

    private static final String CATEGORY =
            "L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfno]?"; // general categories of Unicode
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:[rntfaesSdD]|[^\\p{Alnum}]|u\\p{XDigit}{4}"
            + "|x\\p{XDigit}{2}|x\\{\\p{XDigit}{1,6}}|[pP]\\{(?:" + CATEGORY + ")})");
    private static final Pattern GROUP = Pattern.compile("\\((?:\\?(?::|=|!|<=|<!|>))?(?!\\?)");
    /** Plain ASCII words, without the pairs of letters that Oniguruma finds in ligatures too. */
    private static final Pattern ANY_CASE =
            Pattern.compile("(?i)\\(\\?i:(?:(?!ss|st|ff|fi|fl)[ -~&&[^\\\\()\\[\\]{}.*+?^$]])*\\)");

    private static final Pattern COUNT = Pattern.compile("\\{\\d+(?:,\\d*)?}(?![+?])");

    private static final int LONGEST = 10_000; // characters; published ones have a few hundred
    private static final int DEEPEST = 100; // Java compiles groups recursively

    private final String regex;
    private int at;
    private int depth; // open groups

    private OnigurumaRegex(String regex) {
        this.regex = regex;
    }

    /** @throws IllegalArgumentException with a sentence that names the part which cannot be had */
    static Pattern compile(String regex) {
        if (regex.length() > LONGEST) {
            throw new IllegalArgumentException("the regular expression has %,d characters; at most %,d are compiled"
                    .formatted(regex.length(), LONGEST));
        }
        new OnigurumaRegex(regex).check();
        try {
            return Pattern.compile(regex, FLAGS);
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "the regular expression %s is not one: %s".formatted(Excerpt.of(regex), e.getDescription()), e);
        }
    }

    private void check() {
        while (at < regex.length()) {
            switch (regex.charAt(at)) {
                case '\\' -> take(ESCAPE, "this escape");
                case '(' -> {
                    boolean anyCase = regex.startsWith("(?i", at);
                    if (!anyCase && ++depth > DEEPEST) throw refused("more than " + DEEPEST + " open groups");
                    take(anyCase ? ANY_CASE : GROUP, "this kind of group");
                }
                case ')' -> {
                    depth--;
                    at++;
                }
                case '{' -> take(COUNT, "this count (or a lazy or possessive one)");
                case '[' -> checkClass();
                default -> at++;
            }
        }
    }

    private void checkClass() {
        if (regex.startsWith("[]", at) || regex.startsWith("[^]", at)) throw refused("an empty class");
        at++;
        while (at < regex.length() && regex.charAt(at) != ']') {
            if (regex.charAt(at) == '\\') take(ESCAPE, "this escape");
            else if (regex.charAt(at) == '[') throw refused("a class in a class");
            else if (regex.startsWith("&&", at)) throw refused("an intersection of classes");
            else at++;
        }
    }

    private void take(Pattern allowed, String what) {
        var matcher = allowed.matcher(regex).region(at, regex.length());
        if (!matcher.lookingAt()) throw refused(what);
        at = matcher.end();
    }

    private IllegalArgumentException refused(String what) {
        String rest = regex.substring(at, Math.min(regex.length(), at + 12));
        return new IllegalArgumentException(
                "the regular expression has %s at character %d, where it reads %s".formatted(what, at, rest)
                        + "; Gatun does not know it to mean the same in Java");
    }
}
