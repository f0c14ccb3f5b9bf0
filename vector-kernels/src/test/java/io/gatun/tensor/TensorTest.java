package io.gatun.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TensorTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private Tensor counting(long... shape) {
        Tensor tensor = Tensor.zeros(arena, DType.F32, shape);
        for (long i = 0; i < tensor.count(); i++) tensor.set(i, i);
        return tensor;
    }

    @Test
    void slicesAndColumnsShareTheMemory() {
        Tensor whole = counting(4, 3, 5);
        Tensor slice = whole.slice(1, 3);
        assertThat(slice.shape()).containsExactly(2, 3, 5);
        assertThat(slice.get(0, 0)).isEqualTo(15);
        Tensor columns = slice.columns(2, 4);
        assertThat(columns.shape()).containsExactly(2, 3, 2);
        assertThat(columns.rowStride()).isEqualTo(5);
        assertThat(columns.get(5, 1)).isEqualTo(15 + 5 * 5 + 3);
        columns.set(0, 0, -1);
        assertThat(whole.get(17)).isEqualTo(-1);
        assertThat(columns.slice(1, 2).get(0, 0)).isEqualTo(32);
        assertThat(columns.isContiguous()).isFalse();
        columns.clear();
        assertThat(whole.get(16)).isEqualTo(16);
        assertThat(whole.get(18)).isZero();
    }

    @Test
    void reshapesWhatIsContiguous() {
        Tensor tensor = counting(4, 6);
        assertThat(tensor.reshape(2, 12).get(1, 0)).isEqualTo(12);
        assertThatThrownBy(() -> tensor.reshape(5, 5)).hasMessage("f32[4, 6] has 24 elements; f32[5, 5] asks for 25");
        assertThatThrownBy(() -> tensor.columns(0, 3).reshape(12)).hasMessageContaining("column range");
    }

    @Test
    void copiesBetweenTypesAndStrides() {
        Tensor source = counting(3, 4).columns(1, 3);
        Tensor target = Tensor.zeros(arena, DType.F64, 3, 2);
        target.copyFrom(source);
        assertThat(target.get(2, 1)).isEqualTo(10);
        assertThatThrownBy(() -> target.copyFrom(counting(2, 3))).hasMessage("cannot copy f32[2, 3] into f64[3, 2]");
    }

    @Test
    void emptyTensorsAreTensors() {
        Tensor empty = Tensor.zeros(arena, DType.F32, 0, 7);
        assertThat(empty.rows()).isZero();
        assertThat(empty.count()).isZero();
        assertThat(Tensor.zeros(arena, DType.I32, 3, 0).rows()).isZero();
        empty.clear();
    }

    @Test
    void memoryIsAligned() {
        for (int i = 1; i < 5; i++) {
            assertThat(Tensor.zeros(arena, DType.F32, i).data().address() % 64).isZero();
        }
    }

    @Test
    void misuseIsRefusedBeforeMemoryIsTouched() {
        Tensor tensor = counting(4, 6);
        assertThatThrownBy(() -> tensor.slice(2, 5))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("slice [2, 5)")
                .hasMessageContaining("f32[4, 6] has 4 elements");
        assertThatThrownBy(() -> tensor.columns(-1, 2)).hasMessageContaining("columns [-1, 2)");
        assertThatThrownBy(() -> Tensor.of(MemorySegment.ofArray(new float[4]), DType.F32, 4))
                .hasMessageContaining("off-heap");
        assertThatThrownBy(() -> Tensor.of(arena.allocate(12), DType.F32, 4)).hasMessageContaining("16 bytes");
        assertThatThrownBy(() -> Tensor.zeros(arena, DType.F32, 1L << 40, 1L << 40))
                .isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> Tensor.zeros(arena, DType.F32, -1)).hasMessageContaining("negative");
    }

    @Test
    void deviceTensorsHaveAnAddressAndNoSegment() {
        Tensor device = Tensor.onDevice(0x7000, DType.BF16, 4, 8);
        assertThat(device.slice(1, 2).deviceAddress()).isEqualTo(0x7010);
        assertThatThrownBy(device::data).isInstanceOf(TensorException.class).hasMessageContaining("GPU memory");
        assertThatThrownBy(() -> counting(1).deviceAddress()).hasMessageContaining("host memory");
    }
}
