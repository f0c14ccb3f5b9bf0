package io.gatun.trainer.command;

import io.gatun.model.ModelException;
import io.gatun.tensor.TensorException;
import io.gatun.trainer.TrainerException;
import java.io.IOException;
import java.io.UncheckedIOException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line: exit code 0 on success, 2 on bad usage, 1 on failure with one clear line, 130 when interrupted. */
@Command(
        name = "gatun",
        description = "Trains, loads and runs models of the DeepSeek-V3 architecture.",
        mixinStandardHelpOptions = true,
        version = "gatun 0.1.0",
        subcommands = {
            TrainCommand.class,
            GenerateCommand.class,
            ChatCommand.class,
            ScoreCommand.class,
            InspectCommand.class,
            ConvertCommand.class,
            TokenizeCommand.class,
            BenchCommand.class,
            DoctorCommand.class
        })
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    public static void main(String[] args) {
        System.exit(execute(args));
    }

    /** Runs a command and gives its exit code. */
    public static int execute(String... args) {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(Main::failed)
                .setParameterExceptionHandler(Main::misused)
                .execute(args);
    }

    @Override
    public void run() {
        spec.commandLine().usage(System.out);
    }

    private static int misused(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        command.getErr().println("gatun: " + e.getMessage());
        command.getErr().println("`gatun " + path(command) + "--help` lists the options");
        return CommandLine.ExitCode.USAGE;
    }

    private static String path(CommandLine command) {
        return command.getParent() == null ? "" : command.getCommandName() + " ";
    }

    private static int failed(Exception e, CommandLine command, CommandLine.ParseResult parsed) {
        if (e
                instanceof
                IllegalArgumentException) { // a record that refused a value of the command line or the configuration
            command.getErr().println("gatun: " + e.getMessage());
            return CommandLine.ExitCode.USAGE;
        }
        if (e instanceof ModelException
                || e instanceof TrainerException
                || e instanceof TensorException
                || e instanceof IOException
                || e instanceof UncheckedIOException) {
            command.getErr().println("gatun: " + e.getMessage());
        } else {
            command.getErr().println("gatun: unexpected failure; please report it with what follows");
            e.printStackTrace(command.getErr());
        }
        return CommandLine.ExitCode.SOFTWARE;
    }
}
