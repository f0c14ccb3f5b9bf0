package io.gatun.jmh;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Defaults;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/** JMH's main class, which also writes {@link MachineFacts} beside a result file. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws IOException {
        Optional<Path> result = resultFile(args);
        if (result.isPresent()) MachineFacts.write(result.get());
        org.openjdk.jmh.Main.main(args);
    }

    private static Optional<Path> resultFile(String[] args) {
        try {
            CommandLineOptions options = new CommandLineOptions(args);
            if (options.getResult().hasValue()) {
                return Optional.of(Path.of(options.getResult().get()));
            }
            if (!options.getResultFormat().hasValue()) return Optional.empty();
            ResultFormatType format = options.getResultFormat().get();
            return Optional.of(
                    Path.of(Defaults.RESULT_FILE_PREFIX + "." + format.name().toLowerCase(Locale.ROOT)));
        } catch (CommandLineOptionException e) {
            return Optional.empty(); // JMH says what is wrong
        }
    }
}
