package io.gatun.ffm;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A library that a machine may have or not. Both are normal: one that is missing has a sentence that says why, and its functions,
 * when called, throw that sentence. A library that was found stays open as long as the process lives.
 */
public final class NativeLibrary {
    private static final String NO_FILE = ": cannot open shared object file: No such file or directory";
    private static final MethodHandle EXCEPTION;

    static {
        try {
            EXCEPTION = MethodHandles.lookup()
                    .findConstructor(NativeException.class, MethodType.methodType(void.class, String.class));
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String name;
    private final long handle; // 0: missing
    private final Path path;
    private final String why;

    private NativeLibrary(String name, long handle, Path path, String why) {
        this.name = name;
        this.handle = handle;
        this.path = path;
        this.why = why;
    }

    /**
     * Opens the first of {@code files} that opens.
     *
     * @param name what people call the library
     * @param files paths, or bare names for the system's own search
     */
    public static NativeLibrary open(String name, List<String> files) {
        if (!System.getProperty("os.name").equals("Linux")) {
            return missing(name, "it is looked for on Linux only");
        }
        List<String> absent = new ArrayList<>(), refused = new ArrayList<>();
        try {
            for (String file : files) {
                long handle = DynamicLinker.dlopen(file);
                if (handle != 0) return new NativeLibrary(name, handle, Path.of(DynamicLinker.file(handle)), "");
                String reason = DynamicLinker.dlerror();
                if (reason.startsWith(file) && reason.endsWith(NO_FILE)) {
                    absent.add(file);
                } else {
                    refused.add(reason);
                }
            }
        } catch (IllegalCallerException | LinkageError e) { // the latter from the linker's own handles
            return missing(name, "this JVM was started without --enable-native-access=io.gatun.ffm");
        }
        if (!absent.isEmpty()) refused.add("no such file: " + String.join(", ", absent));
        return missing(name, String.join("; ", refused));
    }

    private static NativeLibrary missing(String name, String why) {
        return new NativeLibrary(name, 0, null, name + " is not here; " + why);
    }

    public boolean isFound() {
        return handle != 0;
    }

    /** The file that was opened; null for a missing library. */
    public Path path() {
        return path;
    }

    /** Why the library is missing, with every file that was tried; empty for one that was found. */
    public String why() {
        return why;
    }

    /** What people call the library. */
    public String name() {
        return name;
    }

    /** Whether the library has that function; newer versions have more. */
    public boolean has(String function) {
        return isFound() && DynamicLinker.dlsym(handle, function) != 0;
    }

    /**
     * A handle that calls {@code function}. Where the library or the function is missing the handle throws a
     * {@link NativeException} that says so, so that classes which hold handles load on every machine.
     */
    public MethodHandle handle(String function, FunctionDescriptor type) {
        if (!isFound()) return failing(type, why);
        long address = DynamicLinker.dlsym(handle, function);
        if (address == 0) return failing(type, "%s (%s) has no %s: it is too old".formatted(name, path, function));
        return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address), type);
    }

    /** {@link #handle} of a function that returns a status, an int, as nearly all do. */
    public MethodHandle status(String function, MemoryLayout... parameters) {
        return handle(function, FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters));
    }

    private static MethodHandle failing(FunctionDescriptor type, String message) {
        MethodType call = type.toMethodType();
        MethodHandle failing = MethodHandles.foldArguments(
                MethodHandles.throwException(call.returnType(), NativeException.class), EXCEPTION.bindTo(message));
        return MethodHandles.dropArguments(failing, 0, call.parameterList());
    }

    /** The C string at {@code address}, such as a library's text for a status; empty for NULL. */
    public static String text(MemorySegment address) {
        return DynamicLinker.text(address);
    }

    /** What a call through a handle threw, unchecked; throws errors and unchecked exceptions as they are. */
    public static RuntimeException rethrow(Throwable thrown) {
        if (thrown instanceof Error error) throw error;
        if (thrown instanceof RuntimeException unchecked) throw unchecked;
        throw new IllegalStateException(thrown); // a downcall throws nothing checked
    }
}
