package io.gatun.model.engine;

import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaEvent;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.PinnedMemory;
import io.gatun.parallel.Team;
import java.lang.foreign.MemorySegment;

/**
 * Matrices on their way between host and GPU: a team brings some rows into the form that the GPU wants, in pinned memory, while those
 * before them travel. All of it is copied; whether the GPU should rather read small operands where they are is decided here, once it is
 * measured.
 */
final class RowTransfer implements AutoCloseable {
    /** Rows that a task moves, and that all chunks but the last are a multiple of. */
    static final int GROUP = 16;

    private static final long CHUNK = 32L << 20; // bytes of one of the two halves: some milliseconds of a copy

    /** What moves rows of a matrix, called by any thread of the team. */
    interface Rows {
        /**
         * Moves rows {@code from} to {@code from + count}.
         *
         * @param at the byte of {@code pinned} where the first of them lies
         * @param rowBytes bytes of each, with padding
         */
        void move(MemorySegment pinned, long at, long rowBytes, int from, int count, int worker);
    }

    private final CudaDevice device;
    private final CudaStream stream;
    private final Team team;
    private final CudaEvent[] free; // of each half: the copy from it is done
    private final MoveJob job = new MoveJob();
    private PinnedMemory memory;
    private long half; // bytes

    RowTransfer(CudaStream stream, Team team) {
        this.device = stream.device();
        this.stream = stream;
        this.team = team;
        free = new CudaEvent[] {CudaEvent.plain(device), CudaEvent.plain(device)};
    }

    /** Copies {@code rows} rows that {@code writer} makes to the address {@code to}; returns when they are made and queued. */
    void upload(long to, int rows, long rowBytes, Rows writer) {
        int step = rowsAtOnce(rowBytes);
        for (int from = 0, chunk = 0; from < rows; from += step, chunk++) {
            int count = Math.min(step, rows - from);
            long at = chunk % 2 * half;
            free[chunk % 2].synchronize();
            move(writer, at, rowBytes, from, count);
            stream.upload(to + from * rowBytes, memory.segment(), at, count * rowBytes);
            free[chunk % 2].record(stream);
        }
    }

    /** Gives {@code rows} rows from the address {@code from} to {@code reader}, after all that is queued; returns when it has read them. */
    void download(long from, int rows, long rowBytes, Rows reader) {
        int step = rowsAtOnce(rowBytes);
        for (int first = 0; first < rows; first += step) {
            int count = Math.min(step, rows - first);
            stream.download(memory.segment(), 0, from + first * rowBytes, count * rowBytes);
            stream.synchronize();
            move(reader, 0, rowBytes, first, count);
        }
    }

    private void move(Rows rows, long at, long rowBytes, int from, int count) {
        job.rows = rows;
        job.at = at;
        job.rowBytes = rowBytes;
        job.from = from;
        job.count = count;
        team.run(Math.ceilDiv(count, GROUP), job);
    }

    private int rowsAtOnce(long rowBytes) {
        if (half < GROUP * rowBytes) {
            stream.synchronize();
            if (memory != null) memory.close();
            half = Math.max(CHUNK, GROUP * rowBytes);
            memory = PinnedMemory.allocate(device, 2 * half);
        }
        return (int) Math.min(half / rowBytes / GROUP * GROUP, 1 << 30);
    }

    @Override
    public void close() {
        if (memory != null) memory.close();
        for (CudaEvent event : free) event.close();
    }

    private final class MoveJob implements Team.Job {
        private Rows rows;
        private long at;
        private long rowBytes;
        private int from;
        private int count;

        @Override
        public void run(int task, int worker) {
            int done = task * GROUP;
            int own = Math.min(GROUP, count - done);
            rows.move(memory.segment(), at + done * rowBytes, rowBytes, from + done, own, worker);
        }
    }
}
