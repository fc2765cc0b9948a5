package org.maskrt.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command {@code maskrt}. */
@Command(
        name = "maskrt",
        version = "maskrt 0.1.0-SNAPSHOT",
        mixinStandardHelpOptions = true,
        description = "Masked diffusion transformers from weights to pictures.")
public final class Main {
    private Main() {}

    /** Ends the process with the command's exit code. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }
}
