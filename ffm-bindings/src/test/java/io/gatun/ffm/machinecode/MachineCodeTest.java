package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.Gpr.*;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MachineCodeTest {
    private static final FunctionDescriptor BINARY = FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG);

    @BeforeEach
    void whereMachineCodeRuns() {
        assumeTrue(ExecutableMemory.whyNot().isEmpty(), ExecutableMemory.whyNot());
    }

    @Test
    void codeOfTheProcessIsCalled() throws Throwable {
        MethodHandle product = MachineCode.link(product(), BINARY).orElseThrow();
        MethodHandle critical = MachineCode.link(product(), BINARY, Linker.Option.critical(false))
                .orElseThrow();
        assertThat((long) product.invokeExact(6L, -7L)).isEqualTo(-42);
        assertThat((long) critical.invokeExact(1L << 33, 3L)).isEqualTo(3L << 33);
    }

    @Test
    void codeOfAClosedArenaIsNotCalled() throws Throwable {
        Arena arena = Arena.ofShared();
        MethodHandle product = MachineCode.link(product(), BINARY, arena, Linker.Option.critical(false))
                .orElseThrow();
        assertThat((long) product.invokeExact(6L, 7L)).isEqualTo(42);
        arena.close();
        assertThatIllegalStateException().isThrownBy(() -> {
            long never = (long) product.invokeExact(6L, 7L);
        });
    }

    @Test
    void codeIsNeverWritableAndExecutable() throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment code = ExecutableMemory.load(product(), arena).orElseThrow();
            assertThat(access(code)).containsExactly("r-xp");
        }
    }

    @Test
    void aClosedArenaGivesTheMemoryBack() throws Exception {
        MemorySegment code;
        try (Arena arena = Arena.ofConfined()) {
            code = ExecutableMemory.load(new byte[1 << 20], arena).orElseThrow();
            assertThat(access(code)).hasSize(1);
        }
        assertThat(access(code)).isEmpty();
    }

    /** How the mapping that begins at {@code memory} may be used. */
    private static Stream<String> access(MemorySegment memory) throws Exception {
        String start = Long.toHexString(memory.address()) + "-";
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return maps.filter(line -> line.startsWith(start)).map(line -> line.split(" ")[1]).toList().stream();
        }
    }

    private static byte[] product() {
        Assembler to = new Assembler();
        to.mov(RAX, RDI);
        to.imul(RAX, RSI);
        to.ret();
        return to.toBytes();
    }
}
