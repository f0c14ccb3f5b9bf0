package io.gatun.model.ops;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.kernels.cuda.CudaOnCpu;
import io.gatun.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** What the tests of the CUDA kernels share: they run on the CPU, and everything twice, with the threads in either order. */
@ParameterizedClass(name = "threads reversed: {0}")
@ValueSource(booleans = {false, true})
abstract class CudaFixture extends ElementwiseFixture {
    @Parameter
    boolean reversed;

    private final String file;
    private CudaOnCpu cuda;

    /** The kernels of {@code file}.cu. */
    CudaFixture(String file) {
        this.file = file;
    }

    @BeforeEach
    void open() {
        assumeTrue(CudaOnCpu.whyNot() == null, CudaOnCpu.whyNot());
        cuda = CudaOnCpu.open(file);
        cuda.reverse(reversed);
    }

    /** A matrix whose stride is the argument that follows it. */
    record Strided(Tensor tensor) {}

    static Strided rows(Tensor matrix) {
        return new Strided(matrix);
    }

    /** Blocks of a launch, their threads and dynamic shared memory. */
    record Grid(int x, int y, int z, int threads, long sharedBytes) {
        Grid of(int threads, long sharedBytes) {
            return new Grid(x, y, z, threads, sharedBytes);
        }
    }

    /** Blocks of 256 threads without dynamic shared memory. */
    static Grid blocks(int x, int y) {
        return blocks(x, y, 1);
    }

    static Grid blocks(int x, int y, int z) {
        return new Grid(x, y, z, 256, 0);
    }

    void launch(String kernel, Grid grid, Object... arguments) {
        List<Object> flat = new ArrayList<>();
        for (Object argument : arguments) {
            switch (argument) {
                case Strided(Tensor tensor) -> {
                    flat.add(tensor.data());
                    flat.add(tensor.rowStride());
                }
                case Tensor tensor -> flat.add(tensor.data());
                case null, default -> flat.add(argument);
            }
        }
        cuda.launch(kernel, grid.x, grid.y, grid.z, grid.threads, grid.sharedBytes, flat.toArray());
    }
}
