package io.gatun.model.tokenizer;

import java.util.Arrays;

/** A binary heap that gives back its smallest number first. */
final class LongHeap {
    private long[] values;
    private int size;

    LongHeap(int capacity) {
        values = new long[Math.max(4, capacity)];
    }

    boolean isEmpty() {
        return size == 0;
    }

    void push(long value) {
        if (size == values.length) values = Arrays.copyOf(values, 2 * size);
        int child = size++;
        while (child > 0 && values[(child - 1) / 2] > value) {
            values[child] = values[(child - 1) / 2];
            child = (child - 1) / 2;
        }
        values[child] = value;
    }

    long pop() {
        long smallest = values[0];
        long last = values[--size];
        int parent = 0;
        while (2 * parent + 1 < size) {
            int child = 2 * parent + 1;
            if (child + 1 < size && values[child + 1] < values[child]) child++;
            if (values[child] >= last) break;
            values[parent] = values[child];
            parent = child;
        }
        values[parent] = last;
        return smallest;
    }
}
