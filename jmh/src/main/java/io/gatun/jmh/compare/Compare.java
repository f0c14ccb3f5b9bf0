package io.gatun.jmh.compare;

import io.gatun.model.ModelException;
import io.gatun.model.json.JsonObject;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The gate: exit code 1 when something became slower or allocates, 0 when not, 2 for input that cannot be compared. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        exitCodeOnExecutionException = 2,
        customSynopsis = {
            "compare BEFORE.json AFTER.json",
            "       compare --run BEFORE.jar AFTER.jar [REGEX ...] [-- JMH-OPTION ...]",
            "       compare --same PROGRAM.jar [REGEX ...] [-- JMH-OPTION ...]",
            "       compare --baseline BASELINE.json RESULT.json ...",
            "       compare --renew BASELINE.json RESULT.json ..."
        },
        description = {
            "Says which benchmarks changed by more than noise: results of JMH (-rf json), two jars turn by turn, one jar"
                    + " against itself, or a result's ratios to its twins against committed ones.",
            "Exit code 1 when something became slower or allocates, 0 when not, 2 for input that cannot be compared."
        })
public final class Compare implements Callable<Integer> {
    private static final double PAIRS = 5;
    private static final double RATIOS = 30; // of a machine that does other things, and of other machines of its kind

    @Option(names = "--run", description = "runs two jars turn by turn: A B, B A, A B, ...")
    private boolean run;

    @Option(names = "--same", description = "runs one jar against itself: how much this machine's noise is")
    private boolean same;

    @Option(names = "--baseline", paramLabel = "FILE", description = "compares ratios to twins with those of FILE")
    private Path baseline;

    @Option(names = "--renew", paramLabel = "FILE", description = "writes a result's ratios to twins into FILE")
    private Path renew;

    @Option(names = "--rounds", paramLabel = "N", description = "of --run and --same (default: ${DEFAULT-VALUE})")
    private int rounds = 8;

    @Option(names = "--out", paramLabel = "DIR", description = "keeps the results of --run and --same there")
    private Path out;

    @Option(
            names = "--threshold",
            paramLabel = "PERCENT",
            description = "smallest change that is called (default: 5, with --baseline and --renew 30)")
    private Double percent;

    @Parameters(hidden = true)
    private List<String> arguments = List.of();

    @Spec
    private CommandSpec spec;

    private final List<String> jmhOptions;

    private Compare(List<String> jmhOptions) {
        this.jmhOptions = jmhOptions;
    }

    public static void main(String[] args) {
        System.exit(execute(args));
    }

    /** Runs the command and gives its exit code. */
    public static int execute(String... args) {
        return execute(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args);
    }

    static int execute(PrintWriter out, PrintWriter err, String... args) {
        List<String> own = own(args);
        List<String> jmhOptions = Arrays.asList(args).subList(Math.min(own.size() + 1, args.length), args.length);
        return new CommandLine(new Compare(jmhOptions))
                .setOut(out)
                .setErr(err)
                .setParameterExceptionHandler((e, _) -> {
                    err.println("compare: " + e.getMessage() + "; `jmh/compare --help` tells more");
                    return CommandLine.ExitCode.USAGE;
                })
                .setExecutionExceptionHandler((e, command, _) -> {
                    if (!(e instanceof CompareException
                            || e instanceof ModelException
                            || e instanceof UncheckedIOException)) throw e;
                    command.getErr().println("compare: " + e.getMessage());
                    return CommandLine.ExitCode.USAGE;
                })
                .execute(own.toArray(String[]::new));
    }

    /** What stands before {@code --}. */
    private static List<String> own(String... args) {
        List<String> all = Arrays.asList(args);
        int end = all.indexOf("--");
        return end < 0 ? all : all.subList(0, end);
    }

    @Override
    public Integer call() throws IOException {
        int modes = (run ? 1 : 0) + (same ? 1 : 0) + (baseline != null ? 1 : 0) + (renew != null ? 1 : 0);
        if (modes > 1) throw misused("--run, --same, --baseline and --renew exclude each other");
        if (!run && !same && !jmhOptions.isEmpty()) throw misused("options of JMH go with --run or --same");
        double threshold = (percent != null ? percent : baseline != null || renew != null ? RATIOS : PAIRS) / 100;
        if (!(threshold >= 0)) throw misused("--threshold is " + percent + "; it must not be negative");
        boolean bad = run || same ? jars(threshold) : modes == 0 ? files(threshold) : ratios(threshold);
        return bad ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
    }

    private boolean files(double threshold) {
        exactly(2, "two results of JMH");
        Path before = Path.of(arguments.get(0));
        Path after = Path.of(arguments.get(1));
        Comparison comparison =
                Comparison.of(ResultFile.read(before), ResultFile.read(after), Comparison.Forks.INDEPENDENT, threshold);
        Report report = report();
        Optional<JsonObject> machine = ResultFile.machine(after);
        ResultFile.machine(before).ifPresent(facts -> machine.ifPresent(other -> report.machines(facts, other)));
        report.print(comparison, threshold);
        return comparison.isBad();
    }

    private boolean jars(double threshold) throws IOException {
        int count = run ? 2 : 1;
        if (arguments.size() < count) throw misused(run ? "--run needs two jars" : "--same needs a jar");
        List<String> options = new ArrayList<>(arguments.subList(count, arguments.size()));
        options.addAll(jmhOptions);
        ForkedJar a = new ForkedJar(Path.of(arguments.getFirst()), options);
        ForkedJar b = run ? new ForkedJar(Path.of(arguments.get(1)), options) : a;
        Path folder = out == null ? Files.createTempDirectory("gatun-compare") : Files.createDirectories(out);
        Rounds.Results results = Rounds.run(a, b, rounds, folder);
        Comparison comparison = Comparison.of(results.a(), results.b(), Comparison.Forks.PAIRED, threshold);
        Report report = report();
        report.print(comparison, threshold);
        if (same) report.noise(comparison);
        report.line("the results of each turn are in %s", folder);
        return comparison.isBad();
    }

    private boolean ratios(double threshold) {
        if (arguments.isEmpty()) throw misused("results of JMH expected");
        Map<String, Measurement> results = new LinkedHashMap<>();
        Map<String, Object> machine = new LinkedHashMap<>();
        for (String argument : arguments) {
            Path file = Path.of(argument);
            ResultFile.read(file).forEach((name, measurement) -> results.merge(name, measurement, Measurement::and));
            ResultFile.machine(file)
                    .ifPresent(facts -> facts.fields().forEach((name, fact) -> machine.put("" + name, fact)));
        }
        if (renew != null) {
            Baseline renewed = Baseline.of(results, machine, threshold);
            renewed.write(renew);
            Twins.of(results).forEach((name, pair) -> {
                if (!renewed.entries().containsKey(name)) report().leftOut(name, pair.ratio());
            });
            report().line("%s has %d ratios now", renew, renewed.entries().size());
            return false;
        }
        Baseline committed = Baseline.read(baseline);
        BaselineCheck check = BaselineCheck.of(committed, results, threshold);
        if (!machine.isEmpty()) report().machines(committed.machine(), machine);
        report().print(check, threshold);
        return check.isBad();
    }

    private Report report() {
        return new Report(spec.commandLine().getOut());
    }

    private void exactly(int count, String what) {
        if (arguments.size() != count) throw misused(what + " expected, found " + arguments);
    }

    private ParameterException misused(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
