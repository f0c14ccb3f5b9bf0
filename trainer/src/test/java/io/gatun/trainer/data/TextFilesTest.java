package io.gatun.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextFilesTest {
    @TempDir
    private Path folder;

    private static String numberedLines(int count) {
        return IntStream.range(0, count).mapToObj("line %06d\n"::formatted).collect(Collectors.joining());
    }

    @Test
    void readsAFolderInTheOrderOfItsNames() throws Exception {
        Streams.write(folder.resolve("b.txt"), "second\n");
        Streams.write(folder.resolve("a/z.md"), "first\n");
        Streams.write(
                folder.resolve("c.jsonl"),
                "{\"id\": [1, {\"text\": 2}], \"text\": \"third\"}\n\n{\"text\": \"fo\\u00fcrth\"}");
        Streams.write(folder.resolve("d.txt"), "");
        Streams.write(folder.resolve("e"), "fifth");
        Streams.write(folder.resolve(".hidden/f.txt"), "hidden");
        Streams.write(folder.resolve(".g.txt"), "hidden");
        Files.write(folder.resolve("picture.PNG"), new byte[] {(byte) 0x89, 'P', 'N', 'G', 0});
        assertThat(Streams.documents(TextFiles.at(folder).all()))
                .containsExactly("first\n", "second\n", "third", "foürth", "fifth");
        assertThat(Streams.documents(TextFiles.at(folder.resolve("c.jsonl")).all()))
                .containsExactly("third", "foürth");
        assertThat(Streams.documents(TextFiles.at(folder.resolve(".g.txt")).all()))
                .containsExactly("hidden");
    }

    @Test
    void holdsOutEveryTwentiethOfManyDocuments() {
        String lines = IntStream.range(0, 400)
                .mapToObj("{\"text\": \"document %d\"}\n"::formatted)
                .collect(Collectors.joining());
        TextFiles files = TextFiles.at(Streams.write(folder.resolve("many.jsonl"), lines));
        List<String> heldOut = Streams.documents(files.heldOut());
        assertThat(heldOut).hasSize(20).startsWith("document 19", "document 39").endsWith("document 399");
        assertThat(Streams.documents(files.training())).hasSize(380).doesNotContainAnyElementsOf(heldOut);
    }

    @Test
    void holdsOutBlocksOfFewDocuments() {
        String text = numberedLines(24_000);
        TextFiles files = TextFiles.at(Streams.write(folder.resolve("one.txt"), text));
        List<String> heldOut = Streams.documents(files.heldOut());
        List<String> training = Streams.documents(files.training());
        assertThat(heldOut).allMatch(block -> block.length() == 2052 && block.startsWith("line ")); // 171 lines of 12
        assertThat(String.join("", heldOut).length()).isBetween(text.length() / 22, text.length() / 19);
        assertThat(training).hasSizeBetween(heldOut.size(), heldOut.size() + 1); // a gap ends a document
        assertThat(String.join("", training).length() + String.join("", heldOut).length())
                .isEqualTo(text.length());
        Set<String> trained = training.stream().flatMap(String::lines).collect(Collectors.toSet());
        assertThat(heldOut.stream().flatMap(String::lines)).noneMatch(trained::contains);
    }

    @Test
    void holdsOutSomethingOfAShortText() {
        TextFiles files = TextFiles.at(Streams.write(folder.resolve("short.txt"), numberedLines(200)));
        assertThat(Streams.documents(files.heldOut())).isNotEmpty().allMatch(block -> block.length() == 72);
        TextFiles oneLine = TextFiles.at(Streams.write(folder.resolve("line.txt"), "word ".repeat(5000)));
        assertThat(String.join("", Streams.documents(oneLine.heldOut())).length())
                .isBetween(500, 2000);
    }

    @Test
    void fingerprintsChangeWithTheFiles() throws Exception {
        Path file = Streams.write(folder.resolve("a.txt"), "one");
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
        TextFiles files = TextFiles.at(folder);
        String before = files.all().fingerprint();
        assertThat(TextFiles.at(folder).all().fingerprint()).isEqualTo(before);
        assertThat(files.training().fingerprint())
                .isNotEqualTo(before)
                .isNotEqualTo(files.heldOut().fingerprint());
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_001));
        assertThat(files.all().fingerprint()).isNotEqualTo(before);
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
        Streams.write(folder.resolve("b.txt"), "two");
        assertThat(TextFiles.at(folder).all().fingerprint()).isNotEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            {"text": 7}                 ~ its "text" is 7
            {"text": null}              ~ its "text" is null
            {"text": {"a": 1}}          ~ its "text" is an object
            {"title": "no"}             ~ found no "text"
            ["text"]                    ~ found an array
            "text"                      ~ found text
            {"text": "a"} {"text": "b"} ~ found more after the object
            {"text": "a"                ~ found bad JSON at column
            {"text": a}                 ~ found bad JSON at column
            {"text": "\\ud800"}         ~ half a surrogate pair
            """)
    void namesTheLineThatIsNoRecord(String record, String found) {
        Path file = Streams.write(
                folder.resolve("a.jsonl"), "{\"text\": \"fine\"}\n\n" + record + "\n{\"text\": \"fine\"}\n");
        assertThatThrownBy(() -> Streams.documents(TextFiles.at(file).all()))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(file + " line 3: expected an object with a string field \"text\"; ")
                .hasMessageContaining(found);
    }

    @Test
    void namesTheFileThatCannotBeRead() throws Exception {
        Path missing = folder.resolve("missing.txt");
        assertThatThrownBy(() -> TextFiles.at(missing))
                .hasMessage("cannot read " + missing + ": no such file or folder");
        assertThatThrownBy(() -> TextFiles.at(folder)).hasMessage("the folder " + folder + " has no text files");
        Path binary = Files.write(folder.resolve("data"), new byte[] {'a', (byte) 0xFF});
        assertThatThrownBy(() -> Streams.documents(TextFiles.at(folder).all()))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(binary + " is not UTF-8: byte 1 is 0xff");
        Files.createSymbolicLink(folder.resolve("loop"), folder);
        assertThatThrownBy(() -> TextFiles.at(folder)).hasMessageContaining("its links form a loop");
    }

    @Test
    void takesTheFirstBytesWithoutCuttingACharacter() {
        TextSource text = TextFiles.at(Streams.write(folder.resolve("a.txt"), "ab€\ncd\n"))
                .all();
        assertThat(Streams.documents(text.first(4))).containsExactly("ab");
        assertThat(Streams.documents(text.first(5))).containsExactly("ab€");
        assertThat(Streams.documents(text.first(100))).containsExactly("ab€\ncd\n");
        assertThat(text.first(4).fingerprint()).isNotEqualTo(text.first(5).fingerprint());
        assertThatThrownBy(() -> text.first(0)).hasMessageContaining("must be positive");
    }
}
