package io.gatun.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TensorBoardEventsTest {
    private static final double TIME = 1700000000.5;

    @TempDir
    Path folder;

    private TensorBoardEvents open(long lastStep) {
        return new TensorBoardEvents(folder, lastStep, Rows.LAYERS, () -> TIME, "host");
    }

    @Test // the bytes are those of tensorboard 2.21: RecordWriter and event_pb2.Event
    void writesTheBytesOfTensorBoardsOwnWriter() throws IOException {
        try (TensorBoardEvents events = open(300)) {
            events.heldOut(300, 2.345);
        }
        assertThat(HexFormat.of().formatHex(Files.readAllBytes(folder.resolve("events.out.tfevents.1700000000.host"))))
                .isEqualTo("1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110"
                        + "100000000000000095fbfe180900002040fc54d94110ad023a020801596f3f79"
                        + "2c00000000000000f4aecc450900002040fc54d94110ac022a1e0a1c0a1568656c646f75742f626974735f7065725f62797465"
                        + "157b1416401eacd8df");
    }

    @Test
    void everyScalarOfAStepReadsBack() throws IOException {
        StepMetrics row = Rows.at(70_000);
        try (TensorBoardEvents events = open(-1)) {
            events.step(row);
        }
        List<Event> events = read(folder.resolve("events.out.tfevents.1700000000.host"));
        assertThat(events).hasSize(3);
        assertThat(events.get(1).restart).isTrue();
        assertThat(events.get(1).step).isZero();
        Event event = events.get(2);
        assertThat(event.time).isEqualTo(TIME);
        assertThat(event.step).isEqualTo(70_000);
        assertThat(event.values)
                .containsExactly(
                        entry("train/loss", (float) row.loss()),
                        entry("train/mtp_loss", (float) row.mtpLoss()),
                        entry("train/balance_loss", 2e-4f),
                        entry("train/learning_rate", (float) row.learningRate()),
                        entry("train/gradient_norm", (float) row.gradientNorm()),
                        entry("train/tokens", 71_680_000f),
                        entry("train/batch", 8f),
                        entry("train/tokens_per_second", 8000f),
                        entry("maxvio/layer1", (float) row.maxVio(0)),
                        entry("maxvio/layer2", (float) row.maxVio(1)),
                        entry("maxvio/layer5", (float) row.maxVio(2)));
    }

    @Test
    void aRunWithoutMtpHasNoMtpCurve() throws IOException {
        try (TensorBoardEvents events = open(-1)) {
            events.step(new StepMetrics(1, 9, 1, Double.NaN, Double.NaN, 0, 0, 0, 1, new long[3][2]));
        }
        Event event =
                read(folder.resolve("events.out.tfevents.1700000000.host")).get(2);
        assertThat(event.values).containsEntry("train/loss", Float.NaN).doesNotContainKey("train/mtp_loss");
    }

    @Test
    void sessionsOfTheSameSecondHaveTheirOwnFiles() throws IOException {
        open(-1).close();
        open(7).close();
        assertThat(read(folder.resolve("events.out.tfevents.1700000001.host")).get(1).step)
                .isEqualTo(8);
        assertThat(read(folder.resolve("events.out.tfevents.1700000000.host")).get(1).step)
                .isZero();
    }

    @Test
    void aFolderThatCannotBeIsAnErrorThatNamesIt() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> TensorBoardEvents.start(file, Rows.LAYERS))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining(file.toString());
    }

    /** What this test understands of an event. */
    private static final class Event {
        double time;
        long step;
        boolean restart;
        final Map<String, Float> values = new LinkedHashMap<>();
    }

    private static List<Event> read(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        var events = new ArrayList<Event>();
        while (in.hasRemaining()) {
            byte[] length = new byte[8];
            in.get(length);
            assertThat(in.getInt()).isEqualTo(maskedCrc(length));
            byte[] data = new byte
                    [(int) ByteBuffer.wrap(length)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong()];
            in.get(data);
            assertThat(in.getInt()).isEqualTo(maskedCrc(data));
            events.add(event(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN)));
        }
        return events;
    }

    private static Event event(ByteBuffer in) {
        var event = new Event();
        while (in.hasRemaining()) {
            switch ((int) varint(in)) {
                case 1 << 3 | 1 -> event.time = in.getDouble();
                case 2 << 3 -> event.step = varint(in);
                case 3 << 3 | 2 -> message(in);
                case 5 << 3 | 2 -> summary(message(in), event.values);
                case 7 << 3 | 2 -> event.restart = message(in).equals(ByteBuffer.wrap(new byte[] {8, 1}));
                default -> throw new AssertionError("a field that no event has");
            }
        }
        return event;
    }

    private static void summary(ByteBuffer in, Map<String, Float> values) {
        while (in.hasRemaining()) {
            assertThat(varint(in)).isEqualTo(1 << 3 | 2);
            ByteBuffer value = message(in);
            assertThat(varint(value)).isEqualTo(1 << 3 | 2);
            ByteBuffer tag = message(value);
            assertThat(varint(value)).isEqualTo(2 << 3 | 5);
            values.put(new String(tag.array(), tag.arrayOffset(), tag.remaining()), value.getFloat());
            assertThat(value.hasRemaining()).isFalse();
        }
    }

    private static ByteBuffer message(ByteBuffer in) {
        int length = (int) varint(in);
        ByteBuffer message = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
        in.position(in.position() + length);
        return message;
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = in.get();
            value |= (next & 0x7fL) << shift;
            if (next >= 0) return value;
        }
    }

    private static int maskedCrc(byte[] bytes) { // bit by bit, polynomial 0x1EDC6F41 reflected
        int crc = -1;
        for (byte b : bytes) {
            crc ^= b & 0xff;
            for (int bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ ((crc & 1) == 0 ? 0 : 0x82f63b78);
        }
        crc = ~crc;
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }
}
