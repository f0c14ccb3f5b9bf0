package io.gatun.trainer.report;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import java.util.zip.CRC32C;

/**
 * The run's scalars as a TensorBoard event file, {@code events.out.tfevents.<seconds>.<host>}: TFRecords whose content is an
 * {@code Event} message (tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.h). Each session of a run
 * writes its own file, which first tells TensorBoard to forget what earlier files have of the steps that are done again.
 */
public final class TensorBoardEvents implements MetricsSink {
    // Event, Summary.Value and SessionLog: field numbers
    private static final int WALL_TIME = 1, STEP = 2, FILE_VERSION = 3, SUMMARY = 5, SESSION_LOG = 7;
    private static final int VALUE = 1, TAG = 1, SIMPLE_VALUE = 2, STATUS = 1, START = 1;

    private final DoubleSupplier clock; // seconds since 1970
    private final String[] maxVioTags;
    private final Path file;
    private final OutputStream out;

    TensorBoardEvents(Path folder, long lastStep, int[] moeLayers, DoubleSupplier clock, String host) {
        this.clock = clock;
        maxVioTags = new String[moeLayers.length];
        for (int i = 0; i < moeLayers.length; i++) maxVioTags[i] = "maxvio/layer" + moeLayers[i];
        try {
            Files.createDirectories(folder);
            file = unused(folder, (long) clock.getAsDouble(), host);
            out = Files.newOutputStream(file, CREATE_NEW, WRITE);
        } catch (IOException e) {
            throw new UncheckedIOException("no event file can be made in " + folder + ": " + e.getMessage(), e);
        }
        write(event(0).add(FILE_VERSION, "brain.Event:2"));
        write(event(lastStep + 1).add(SESSION_LOG, new ProtoMessage().add(STATUS, START)));
    }

    /** Begins a run's event file in {@code folder}, made if it is missing; {@code moeLayers} as for {@link MetricsCsv#start}. */
    public static TensorBoardEvents start(Path folder, int[] moeLayers) {
        return resume(folder, -1, moeLayers); // the steps count from 0, the held-out text before training
    }

    /** Begins the event file of a session that goes on after {@code lastStep}, the step of the checkpoint. */
    public static TensorBoardEvents resume(Path folder, long lastStep, int[] moeLayers) {
        return new TensorBoardEvents(folder, lastStep, moeLayers, () -> System.currentTimeMillis() / 1e3, host());
    }

    private static Path unused(Path folder, long second, String host) {
        Path candidate = folder.resolve("events.out.tfevents." + second + "." + host);
        return Files.exists(candidate)
                ? unused(folder, second + 1, host)
                : candidate; // TensorBoard reads in name order
    }

    private static String host() { // from the environment: a look-up by InetAddress can wait for a DNS server
        return Optional.ofNullable(System.getenv("HOSTNAME"))
                .or(() -> Optional.ofNullable(System.getenv("COMPUTERNAME")))
                .filter(name -> name.matches("[A-Za-z0-9._-]+"))
                .orElse("localhost");
    }

    @Override
    public void step(StepMetrics m) {
        var summary = new ProtoMessage();
        scalar(summary, "train/loss", m.loss());
        if (!Double.isNaN(m.mtpLoss())) scalar(summary, "train/mtp_loss", m.mtpLoss());
        scalar(summary, "train/balance_loss", m.balanceLoss());
        scalar(summary, "train/learning_rate", m.learningRate());
        scalar(summary, "train/gradient_norm", m.gradientNorm());
        scalar(summary, "train/tokens", m.tokens());
        scalar(summary, "train/batch", m.batch());
        scalar(summary, "train/tokens_per_second", m.tokensPerSecond());
        for (int i = 0; i < maxVioTags.length; i++) scalar(summary, maxVioTags[i], m.maxVio(i));
        write(event(m.step()).add(SUMMARY, summary));
    }

    @Override
    public void heldOut(long step, double bitsPerByte) {
        var summary = new ProtoMessage();
        scalar(summary, "heldout/bits_per_byte", bitsPerByte);
        write(event(step).add(SUMMARY, summary));
    }

    private ProtoMessage event(long step) {
        var event = new ProtoMessage().add(WALL_TIME, clock.getAsDouble());
        return step == 0 ? event : event.add(STEP, step); // proto3 leaves zeros out
    }

    private static void scalar(ProtoMessage summary, String tag, double value) {
        summary.add(VALUE, new ProtoMessage().add(TAG, tag).add(SIMPLE_VALUE, (float) value));
    }

    private void write(ProtoMessage event) {
        try {
            out.write(record(event.bytes())); // one write, so that a killed run leaves whole records
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
        }
    }

    /** A TFRecord: length (uint64), masked CRC of the length, data, masked CRC of the data; little-endian. */
    static byte[] record(byte[] data) {
        ByteBuffer record = ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES);
        record.order(ByteOrder.LITTLE_ENDIAN).putLong(data.length);
        record.putInt(maskedCrc(record.array(), Long.BYTES)).put(data).putInt(maskedCrc(data, data.length));
        return record.array();
    }

    private static int maskedCrc(byte[] bytes, int length) {
        var crc = new CRC32C();
        crc.update(bytes, 0, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
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
