package io.gatun.ffm.nccl;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** A group of one rank: every call is made, and copies. */
class NcclCommunicatorTest {
    private static final int COUNT = 100;

    private final Arena arena = Arena.ofAuto();

    @Test
    void namesGroups() {
        if (!StandIn.isReal()) StandIn.require();
        assumeTrue(NcclCommunicator.why().isEmpty(), NcclCommunicator.why());
        assertThat(NcclCommunicator.version()).matches("2\\.\\d+\\.\\d+");
        assertThat(NcclCommunicator.newId()).hasSize(128);
        assertThat(NcclCommunicator.library().path()).isNotNull();
    }

    @Test
    void aloneEachCollectiveCopies() {
        try (CudaDevice device = StandIn.device()) {
            assumeTrue(NcclCommunicator.why().isEmpty(), NcclCommunicator.why());
            try (CudaStream stream = new CudaStream(device);
                    NcclCommunicator alone = new NcclCommunicator(device, NcclCommunicator.newId(), 1, 0);
                    DeviceMemory from = DeviceMemory.allocate(device, 4 * COUNT);
                    DeviceMemory to = DeviceMemory.allocate(device, 4 * COUNT)) {
                assertThat(alone.ranks()).isEqualTo(1);
                assertThat(alone.rank()).isZero();
                NcclType type = NcclType.F32;
                long a = to.address(), b = from.address();
                copies(stream, from, to, (s, n) -> alone.allReduce(a, b, n, type, NcclReduction.SUM, s));
                copies(stream, from, to, (s, n) -> alone.reduceScatter(a, b, n, type, NcclReduction.MAX, s));
                copies(stream, from, to, (s, n) -> alone.allGather(a, b, n, type, s));
                copies(stream, from, to, (s, n) -> alone.broadcast(a, b, n, type, 0, s));
                copies(stream, from, to, (s, n) -> {
                    NcclCommunicator.beginGroup();
                    alone.send(b, n, type, 0, s);
                    alone.receive(a, n, type, 0, s);
                    NcclCommunicator.endGroup();
                });
                alone.check();
            }
            NcclCommunicator left = new NcclCommunicator(device, NcclCommunicator.newId(), 1, 0);
            left.abort();
            left.close();
        }
    }

    private void copies(
            CudaStream stream, DeviceMemory from, DeviceMemory to, BiConsumer<CudaStream, Integer> collective) {
        MemorySegment numbers = arena.allocate(JAVA_FLOAT, COUNT);
        for (int i = 0; i < COUNT; i++) numbers.setAtIndex(JAVA_FLOAT, i, 3 * i + 1);
        stream.upload(from.address(), numbers, 0, 4 * COUNT);
        stream.fill(to.address(), (byte) 0, 4 * COUNT);
        collective.accept(stream, COUNT);
        MemorySegment found = arena.allocate(JAVA_FLOAT, COUNT);
        stream.download(found, 0, to.address(), 4 * COUNT);
        stream.synchronize();
        assertThat(found.mismatch(numbers)).isEqualTo(-1);
    }

    @Test
    void refusesWhatIsNoRank() {
        try (CudaDevice device = StandIn.device()) {
            assumeTrue(NcclCommunicator.why().isEmpty(), NcclCommunicator.why());
            assertThatThrownBy(() -> new NcclCommunicator(device, new byte[5], 1, 0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("an id of 5 bytes; NCCL's have 128");
            assertThatThrownBy(() -> new NcclCommunicator(device, NcclCommunicator.newId(), 1, 3))
                    .isInstanceOf(NcclException.class)
                    .hasMessageStartingWith("ncclCommInitRank: invalid argument (4)");
        }
    }
}
