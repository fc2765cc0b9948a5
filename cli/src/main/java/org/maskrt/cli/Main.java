package org.maskrt.cli;

import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command {@code maskrt}. */
@Command(
        name = "maskrt",
        versionProvider = Main.Version.class,
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        description = "Masked diffusion transformers from weights to pictures.",
        footer = {
            "",
            "Exit codes: 0 ok, 1 run-time failure, 2 usage, 3 environment, 4 tolerance or gate failed, 5 NaN or infinity,"
                    + " 130 interrupted."
        })
public final class Main implements Runnable {
    private static final List<Class<?>> COMMANDS = List.of(
            DemoCommand.class,
            SampleCommand.class,
            InpaintCommand.class,
            CustomizeCommand.class,
            TrainCommand.class,
            ImportCommand.class,
            CalibrateCommand.class,
            ExportCommand.class,
            BuildCommand.class,
            RefitCommand.class,
            InspectCommand.class,
            VerifyCommand.class,
            AccuracyCommand.class,
            EvaluateCommand.class,
            BenchCommand.class,
            CompareCommand.class,
            DoctorCommand.class);

    @Spec
    private CommandSpec spec;

    private Main() {}

    /** Ends the process with the command's exit code. */
    public static void main(String[] args) {
        Interrupts.install();
        int code = run(writer(System.out), writer(System.err), args);
        Interrupts.finished();
        System.exit(code);
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(new OutputStreamWriter(stream, Charset.defaultCharset()), true);
    }

    /** Runs one command line and returns its exit code. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        int code = commandLine(args)
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Main::usage)
                .setExecutionExceptionHandler((e, commandLine, parsed) -> failure(commandLine, e))
                .execute(args);
        // autoflush heeds line ends of println and printf only
        out.flush();
        err.flush();
        return code;
    }

    /** With the command that the arguments begin with, since reading the options of all takes longer than a short command; with all where they begin with none. */
    private static CommandLine commandLine(String... args) {
        CommandLine line = new CommandLine(new Main());
        List<Class<?>> named = COMMANDS.stream()
                .filter(command -> args.length > 0
                        && command.getAnnotation(Command.class).name().equals(args[0]))
                .toList();
        (named.isEmpty() ? COMMANDS : named).forEach(line::addSubcommand);
        return line;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is needed");
    }

    private static int usage(ParameterException e, String[] args) {
        CommandLine where = e.getCommandLine();
        where.getErr()
                .println("maskrt: " + oneLine(e) + "; see '"
                        + where.getCommandSpec().qualifiedName() + " --help'");
        return ExitCode.USAGE.value();
    }

    private static int failure(CommandLine where, Exception e) {
        if (e instanceof MaskRtException expected) {
            where.getErr().println("maskrt: " + oneLine(expected));
            return expected.code().value();
        }
        where.getErr()
                .println("maskrt: unexpected " + e.getClass().getSimpleName() + ": " + oneLine(e) + "; please report it"
                        + " (MASKRT_LOG_LEVEL=debug shows where it comes from)");
        if ("debug".equalsIgnoreCase(System.getenv("MASKRT_LOG_LEVEL"))) {
            e.printStackTrace(where.getErr());
        }
        return ExitCode.FAILURE.value();
    }

    private static String oneLine(Throwable e) {
        return String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", " ");
    }

    /** The version of this build. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"maskrt " + (version == null ? "0.1.0-SNAPSHOT" : version)};
        }
    }
}
