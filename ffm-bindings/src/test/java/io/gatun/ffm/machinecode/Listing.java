package io.gatun.ffm.machinecode;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Machine code as objdump reads it, one instruction a line: bytes, two spaces, text in Intel's syntax. Listings are committed
 * beside the tests that need them, so that those run where there is no objdump. To write them anew, with objdump (binutils)
 * on the path: {@code ./mvnw test -pl MODULE -am -Dtest=TEST -Dsurefire.failIfNoSpecifiedTests=false -Dgatun.listings=write}.
 */
public record Listing(List<Line> lines) {
    private static final HexFormat HEX = HexFormat.ofDelimiter(" ");
    private static final Pattern DISASSEMBLED = Pattern.compile("\\s*[0-9a-f]+:\\t([0-9a-f ]+)\\t(.*)");

    private static final String SIZES = "\\w+ (PTR|BCST) |\\{1to\\d+}";

    /** One instruction. */
    public record Line(byte[] bytes, String text) {
        @Override
        public String toString() {
            return HEX.formatHex(bytes) + "  " + text;
        }
    }

    /**
     * The listing {@code name.txt} in the package of {@code test}, which must be of {@code code}; where objdump is on the path
     * it must also still be what objdump says.
     *
     * @throws AssertionError if it is of other bytes or reads otherwise
     */
    public static Listing of(Class<?> test, String name, byte[] code) {
        Optional<Listing> fresh = disassemble(code);
        if (System.getProperty("gatun.listings", "").equals("write")) {
            fresh.orElseThrow(() -> new AssertionError("listings are written with objdump, which is not on the path"))
                    .write(test, name);
        }
        Listing committed = read(test, name);
        if (!HEX.formatHex(committed.bytes()).equals(HEX.formatHex(code))) {
            throw new AssertionError(name + ".txt is the listing of other code; -Dgatun.listings=write writes it anew");
        }
        fresh.ifPresent(listing -> listing.mustSay(committed));
        return committed;
    }

    /** What objdump says of {@code code}; empty where there is no objdump. */
    public static Optional<Listing> disassemble(byte[] code) {
        try {
            Path file = Files.createTempFile("gatun-code", ".bin");
            try {
                Files.write(file, code);
                return Optional.of(parse(objdump(file)));
            } finally {
                Files.delete(file);
            }
        } catch (IOException absent) {
            return Optional.empty();
        }
    }

    /** The listing {@code name.txt} in the package of {@code test}, whatever it is of. */
    static Listing read(Class<?> test, String name) {
        try (InputStream in = test.getResourceAsStream(name + ".txt")) {
            List<Line> lines = new ArrayList<>();
            String text = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (String line : text.split("\n")) {
                int gap = line.indexOf("  ");
                if (gap > 0) lines.add(new Line(HEX.parseHex(line.substring(0, gap)), line.substring(gap + 2)));
            }
            return new Listing(lines);
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Puts this listing where {@link #read} finds it, in the sources and among the compiled tests. */
    void write(Class<?> test, String name) {
        String place = test.getPackageName().replace('.', '/') + "/" + name + ".txt";
        try {
            for (String root : List.of("src/test/resources", "target/test-classes")) {
                Path file = Path.of(root, place);
                Files.createDirectories(file.getParent());
                Files.writeString(file, this + "\n");
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    byte[] bytes() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Line line : lines) all.writeBytes(line.bytes);
        return all.toByteArray();
    }

    /** Compares without the words for the size of memory, which differ between versions of objdump. */
    void mustSay(Listing expected) {
        for (int i = 0; i < lines.size(); i++) {
            String found = lines.get(i).toString().replaceAll(SIZES, "");
            String wanted = expected.lines.get(i).toString().replaceAll(SIZES, "");
            if (!found.equals(wanted)) throw new AssertionError("objdump says " + found + ", not " + wanted);
        }
    }

    @Override
    public String toString() {
        return String.join("\n", lines.stream().map(Line::toString).toList());
    }

    private static String objdump(Path file) throws IOException {
        Process process = new ProcessBuilder(
                        "objdump", "-D", "-w", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", file.toString())
                .redirectErrorStream(true)
                .start();
        try (InputStream out = process.getInputStream()) {
            return new String(out.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static Listing parse(String disassembly) {
        List<Line> lines = new ArrayList<>();
        for (String line : disassembly.split("\n")) {
            Matcher found = DISASSEMBLED.matcher(line);
            if (!found.matches()) continue;
            String text = found.group(2).replaceFirst("\\s+#.*", "").strip().replaceFirst("\\s+", " ");
            lines.add(new Line(HEX.parseHex(found.group(1).strip()), text));
        }
        return new Listing(lines);
    }
}
