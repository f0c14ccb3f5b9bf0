package io.gatun.ffm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class NativeLibraryTest {
    private static final FunctionDescriptor ABS = FunctionDescriptor.of(JAVA_INT, JAVA_INT);

    @Test
    void opensTheFirstFileThatOpens() throws Throwable {
        NativeLibrary c = NativeLibrary.open("the C library", List.of("/nowhere/libc.so.6", "libc.so.6"));
        assertThat(c.isFound()).isTrue();
        assertThat(c.why()).isEmpty();
        assertThat(c.path().isAbsolute()).isTrue();
        assertThat(c.path().getFileName().toString()).startsWith("libc");
        assertThat((int) c.handle("abs", ABS).invokeExact(-3)).isEqualTo(3);
    }

    @Test
    void tellsWhatItTried() {
        NativeLibrary none =
                NativeLibrary.open("Nothing", List.of("libgatun-nothing.so.7", "/nowhere/nothing.so", "/etc/hostname"));
        assertThat(none.isFound()).isFalse();
        assertThat(none.path()).isNull();
        assertThat(none.why())
                .startsWith("Nothing is not here; /etc/hostname: ")
                .endsWith("; no such file: libgatun-nothing.so.7, /nowhere/nothing.so");
        assertThat(none.has("abs")).isFalse();
        MethodHandle handle = none.handle("abs", ABS);
        assertThatThrownBy(() -> {
                    int ignored = (int) handle.invokeExact(-3);
                })
                .isInstanceOf(NativeException.class)
                .hasMessage(none.why());
    }

    @Test
    void namesAFunctionThatIsMissing() {
        NativeLibrary c = NativeLibrary.open("the C library", List.of("libc.so.6"));
        assertThat(c.has("abs")).isTrue();
        assertThat(c.has("gatun_nothing")).isFalse();
        MethodHandle handle = c.handle("gatun_nothing", ABS);
        assertThatThrownBy(() -> {
                    int ignored = (int) handle.invokeExact(-3);
                })
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("has no gatun_nothing");
    }

    @Test
    void looksInTheChosenFolderFirst() {
        String before = System.getProperty("gatun.cuda.path");
        System.setProperty("gatun.cuda.path", "/chosen");
        try {
            List<String> files = CudaFolders.candidates("libx.so.13", "libx.so.12");
            assertThat(files).startsWith("/chosen/libx.so.13", "/chosen/libx.so.12", "libx.so.13");
            assertThat(files.indexOf("libx.so.12")).isGreaterThan(files.indexOf("libx.so.13"));
        } finally {
            if (before == null) {
                System.clearProperty("gatun.cuda.path");
            } else {
                System.setProperty("gatun.cuda.path", before);
            }
        }
    }
}
