package io.gatun.trainer.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.APPEND;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A growing CSV file of numbers whose first column is the step. A row reaches the file when it ends, in one write. */
final class CsvTable implements AutoCloseable {
    private final Path file;
    private final OutputStream out;
    private final StringBuilder row = new StringBuilder();

    private CsvTable(Path file) throws IOException {
        this.file = file;
        out = Files.newOutputStream(file, APPEND);
    }

    /** An empty table; what {@code file} held before is gone. */
    static CsvTable start(Path file, List<String> columns) {
        try {
            Files.writeString(file, String.join(",", columns) + "\n");
            return new CsvTable(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
        }
    }

    /** The table of a run that goes on after {@code lastStep}: later and torn lines are dropped. Missing files start empty. */
    static CsvTable resume(Path file, List<String> columns, long lastStep) {
        if (!Files.exists(file)) return start(file, columns);
        try (BufferedReader in = Files.newBufferedReader(file)) {
            String header = String.join(",", columns), found = in.readLine();
            if (!header.equals(found)) {
                throw new IOException("its columns are " + found + "; this run writes " + header + ": move it away");
            }
            Replacement.of(file, copy -> {
                copy.write(header + "\n");
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    if (isUpTo(lastStep, line, columns.size())) copy.write(line + "\n");
                }
            });
            return new CsvTable(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be resumed: " + e.getMessage(), e);
        }
    }

    private static boolean isUpTo(long lastStep, String line, int columns) throws IOException {
        if (line.chars().filter(c -> c == ',').count() != columns - 1) return false;
        String step = columns == 1 ? line : line.substring(0, line.indexOf(','));
        try {
            return Long.parseLong(step) <= lastStep;
        } catch (NumberFormatException e) {
            throw new IOException("expected a step at the start of the line \"" + line + "\"", e);
        }
    }

    CsvTable begin(long step) {
        row.setLength(0);
        row.append(step);
        return this;
    }

    CsvTable add(long value) {
        row.append(',').append(value);
        return this;
    }

    /** As the shortest text that reads back as the same {@code float}; the locale plays no part. */
    CsvTable add(double value) {
        row.append(',').append((float) value);
        return this;
    }

    void end() {
        row.append('\n');
        try {
            out.write(row.toString().getBytes(UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be closed: " + e.getMessage(), e);
        }
    }
}
