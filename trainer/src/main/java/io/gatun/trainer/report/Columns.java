package io.gatun.trainer.report;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** A CSV file of numbers in memory. An empty field is NaN; a line that a killed run left torn does not count. */
final class Columns {
    private final List<String> names;
    private double[][] values; // [columns, capacity]
    private int rows;

    private Columns(List<String> names) {
        this.names = names;
        values = new double[names.size()][64];
    }

    /** Reads {@code file}; without it there are no columns and no rows. */
    static Columns read(Path file) throws IOException {
        if (!Files.exists(file)) return new Columns(List.of());
        try (BufferedReader in = Files.newBufferedReader(file)) {
            String header = in.readLine();
            var columns = new Columns(header == null ? List.of() : List.of(header.split(",")));
            int number = 1;
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                number++;
                String[] fields = line.split(",", -1);
                if (fields.length == columns.names.size()) columns.add(fields, file, number);
            }
            return columns;
        }
    }

    private void add(String[] fields, Path file, int line) throws IOException {
        if (rows == values[0].length) {
            values = Arrays.stream(values).map(v -> Arrays.copyOf(v, 2 * rows)).toArray(double[][]::new);
        }
        for (int c = 0; c < fields.length; c++) {
            try {
                values[c][rows] = fields[c].isEmpty() ? Double.NaN : Double.parseDouble(fields[c]);
            } catch (NumberFormatException e) {
                throw new IOException(
                        file + " line " + line + ": " + names.get(c) + " is \"" + fields[c] + "\", not a number", e);
            }
        }
        rows++;
    }

    int rows() {
        return rows;
    }

    List<String> names() {
        return names;
    }

    double at(int column, int row) {
        return values[column][row];
    }

    /** The column of this name, [rows]; without it, no values. */
    double[] column(String name) {
        int c = names.indexOf(name);
        return c < 0 ? new double[0] : Arrays.copyOf(values[c], rows);
    }
}
