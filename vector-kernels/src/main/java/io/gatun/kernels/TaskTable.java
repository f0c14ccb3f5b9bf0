package io.gatun.kernels;

import java.util.Arrays;

/**
 * The tasks of one region: each a rectangle of an output of one weight. How an output is cut depends on its shape only. The
 * table grows to the largest region it has held and is then reused.
 */
final class TaskTable {
    private int[] fields = new int[5 * 64]; // weight, first row, rows, first column, columns
    private int size;

    int size() {
        return size;
    }

    int weight(int task) {
        return fields[5 * task];
    }

    int row(int task) {
        return fields[5 * task + 1];
    }

    int rows(int task) {
        return fields[5 * task + 2];
    }

    int col(int task) {
        return fields[5 * task + 3];
    }

    int cols(int task) {
        return fields[5 * task + 4];
    }

    void clear() {
        size = 0;
    }

    /** Cuts rows {@code from} to {@code to} of an output of {@code weight} with {@code cols} columns into tasks. */
    void cut(int weight, int from, int to, int rowStep, int cols, int colStep) {
        for (int row = from; row < to; row += rowStep) {
            for (int col = 0; col < cols; col += colStep) {
                add(weight, row, Math.min(rowStep, to - row), col, Math.min(colStep, cols - col));
            }
        }
    }

    private void add(int weight, int row, int rows, int col, int cols) {
        int at = 5 * size++;
        if (at == fields.length) fields = Arrays.copyOf(fields, 2 * at);
        fields[at] = weight;
        fields[at + 1] = row;
        fields[at + 2] = rows;
        fields[at + 3] = col;
        fields[at + 4] = cols;
    }
}
