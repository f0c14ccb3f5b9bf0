package io.gatun.trainer.command;

import io.gatun.ffm.NativeLibrary;
import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.nccl.NcclCommunicator;
import io.gatun.ffm.nvrtc.Nvrtc;
import io.gatun.kernels.JitDirectives;
import io.gatun.kernels.Roofs;
import io.gatun.kernels.VectorApi;
import io.gatun.model.engine.AssembledMatmul;
import io.gatun.parallel.Team;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What this machine offers, and what Gatun makes of it. */
@Command(
        name = "doctor",
        description = "Prints what this machine offers: CPU, memory and their measured speed, Java, libraries.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "prints one JSON object")
    private boolean json;

    @Option(names = "--no-measure", description = "leaves out the measurements, which take some seconds")
    private boolean quick;

    private final Report report = new Report();

    @Override
    public Integer call() {
        VectorApi.require();
        JitDirectives.ensure();
        machine();
        if (!quick) measured();
        java();
        libraries();
        disk();
        report.print(System.out, json);
        return 0;
    }

    private void machine() {
        report.section("machine");
        report.row(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
        report.row("CPU", Machine.cpu().orElse("not known here"));
        int threads = Runtime.getRuntime().availableProcessors();
        report.row("processors", threads, threads + " that this process may use");
        Set<String> features = Machine.features();
        report.row(
                "vector extensions",
                List.copyOf(features),
                features.isEmpty() ? "not listed by this system" : String.join(" ", features));
        report.row("vector width of the JVM", Roofs.vectorBits(), Roofs.vectorBits() + " bits");
        List<String> caches = Machine.caches();
        report.row("caches", caches, caches.isEmpty() ? "not listed by this system" : String.join(", ", caches));
        report.bytes("memory", Machine.memory(), "");
        report.bytes("available memory", Machine.availableMemory(), "");
        String pages = Machine.line(Path.of("/sys/kernel/mm/transparent_hugepage/enabled"));
        report.row("huge pages", pages, pages.isEmpty() ? "not known here" : pages + hugePages(pages));
    }

    private static String hugePages(String mode) {
        String tunables = System.getenv().getOrDefault("GLIBC_TUNABLES", "");
        if (mode.contains("[always]")) return ", used";
        if (mode.contains("[never]")) return ", not used: echo madvise into that file of /sys as root";
        return tunables.contains("glibc.malloc.hugetlb=1")
                ? ", used (GLIBC_TUNABLES asks for them)"
                : ", not used: set GLIBC_TUNABLES=glibc.malloc.hugetlb=1, as the launcher does";
    }

    private void measured() {
        report.section("measured");
        int threads = Runtime.getRuntime().availableProcessors();
        try (MemoryRoof roof = new MemoryRoof();
                Team one = new Team(1);
                Team all = new Team(threads)) {
            report.bytes("buffer", roof.bytes(), "best of 5 passes");
            rate("memory read, 1 thread", roof.readRate(one), "GB/s");
            rate("memory read, all threads", roof.readRate(all), "GB/s");
            rate("FP32 FMA, 1 thread", roof.multiplyAddRate(one), "GFLOP/s");
            rate("FP32 FMA, all threads", roof.multiplyAddRate(all), "GFLOP/s");
        }
    }

    private void rate(String label, double rate, String unit) {
        report.row(label, Math.round(rate * 10) / 10.0, String.format(Locale.ROOT, "%.1f %s", rate, unit));
    }

    private void java() {
        report.section("java");
        report.row("JDK", System.getProperty("java.vendor") + " " + System.getProperty("java.runtime.version"));
        report.row("VM", System.getProperty("java.vm.name"));
        report.row("home", System.getProperty("java.home"));
        List<String> flags = ManagementFactory.getRuntimeMXBean().getInputArguments();
        report.row("flags", flags, String.join(" ", flags));
        report.bytes("largest heap", Runtime.getRuntime().maxMemory(), "weights and caches lie outside");
    }

    private void libraries() {
        report.section("libraries");
        String refused = AssembledMatmul.whyNot();
        report.row("machine code", refused.isEmpty() ? "runs: products are assembled for this CPU" : refused);
        library("CUDA driver", CudaDevice.library(), CudaDevice::driverVersion);
        gpu();
        library("cuBLASLt", CublasLt.library(), CublasLt::version);
        library("NVRTC", Nvrtc.library(), () -> Nvrtc.open().orElseThrow().version());
        library("NCCL", NcclCommunicator.library(), NcclCommunicator::version);
        OptionalLibraries.find()
                .forEach((name, file) -> report.row(
                        name,
                        file.map(Path::toString).orElse(null),
                        file.map(path -> path + ", not used: this version computes in one process")
                                .orElse("not found in the usual folders or LD_LIBRARY_PATH; not needed")));
    }

    private void library(String label, NativeLibrary library, Supplier<String> version) {
        if (library.isFound()) {
            report.row(label, library.path().toString(), library.path() + ", version " + version.get());
        } else {
            report.row(label, null, "not needed; " + library.why());
        }
    }

    private void gpu() {
        String why = CudaDevice.library().isFound() ? CudaDevice.why(0) : "there is no CUDA driver";
        if (!why.isEmpty()) {
            report.row("GPU", null, "none: " + why);
            return;
        }
        try (CudaDevice device = CudaDevice.open(0).orElseThrow()) {
            report.row(
                    "GPU",
                    device.name(),
                    String.format(
                            Locale.ROOT,
                            "%s, compute capability %.1f, %s of %s free, %d listed; the commands compute on the CPU",
                            device.name(),
                            device.capability() / 10.0,
                            Bytes.of(device.freeMemory()),
                            Bytes.of(device.totalMemory()),
                            CudaDevice.count()));
        }
    }

    private void disk() {
        report.section("disk");
        space("temporary files", Path.of(System.getProperty("java.io.tmpdir")));
        space("working folder", Path.of("").toAbsolutePath());
    }

    private void space(String label, Path folder) {
        try {
            long room = Files.getFileStore(folder).getUsableSpace();
            report.row(label, room, folder + ", " + Bytes.of(room) + " free");
        } catch (IOException e) {
            report.row(label, null, folder + " cannot be used: " + e.getMessage());
        }
    }
}
