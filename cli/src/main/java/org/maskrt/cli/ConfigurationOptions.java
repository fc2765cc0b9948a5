package org.maskrt.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.bench.Configuration;
import org.maskrt.perf.bench.Plan;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** How a graph is run when it is measured. */
final class ConfigurationOptions {
    @Option(
            names = "--backend",
            paramLabel = "NAME",
            description = "ort-cpu, or eager: operation by operation on DJL's PyTorch (default: ${DEFAULT-VALUE}).")
    private String backend = "ort-cpu";

    @Option(names = "--threads", paramLabel = "N", description = "Threads of ONNX Runtime (default: one per core).")
    private int threads;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Export anew with fp32 or fp16 weights (default: graphs as in the folder; presets fp32).")
    private GraphStyle.@Nullable Precision precision;

    @Option(
            names = "--attention",
            paramLabel = "FORM",
            description =
                    "Export anew with decomposed or ort_mha attention (default: as in the folder; presets ort_mha).")
    private GraphStyle.@Nullable Attention attention;

    Configuration configuration() {
        return new Configuration(backend, threads, precision, attention);
    }

    /** Another configuration: these options with those of a text in their place, such as "--threads 1" or "other-folder". */
    @Command(name = "--against", synopsisHeading = "")
    static final class Other {
        @Parameters(arity = "0..1", paramLabel = "MODEL")
        private @Nullable String model;

        @Mixin
        private ConfigurationOptions options;

        private Other(ConfigurationOptions options) {
            this.options = options;
        }
    }

    /** @throws MaskRtException (USAGE) if {@code text} is no such thing */
    Plan.Rival against(String text) {
        ConfigurationOptions copy = new ConfigurationOptions();
        copy.backend = backend;
        copy.threads = threads;
        copy.precision = precision;
        copy.attention = attention;
        Other other = new Other(copy);
        try {
            new CommandLine(other)
                    .setCaseInsensitiveEnumValuesAllowed(true)
                    .parseArgs(List.of(text.strip().split("\\s+")).toArray(new String[0]));
        } catch (ParameterException e) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--against: expected a model or options such as \"--threads 1\" or \"--backend eager\", got '"
                            + text + "': " + e.getMessage(),
                    e);
        }
        return new Plan.Rival(other.model, other.options.configuration());
    }
}
