package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.PaperTable;
import org.maskrt.models.convert.Checkpoint;
import org.maskrt.models.convert.Recognition;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.WeightCheck;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt import}. */
@Command(
        name = "import",
        mixinStandardHelpOptions = true,
        description = {
            "Turn a published checkpoint into a model folder: .pt files of DiT, MDT (v1, v2) and MaskDiT, safetensors files, and diffusers' DiT"
                    + " folders.",
            "Model and sizes are recognised from the names and shapes of the weights. Nothing in a .pt file is executed."
        })
final class ImportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SOURCE", description = "A .pt or .safetensors file, or a folder of diffusers.")
    private Path source;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "The model folder to write.")
    private @Nullable Path output;

    @Option(names = "--dry-run", description = "Say what is recognised and write nothing.")
    private boolean dryRun;

    @Option(
            names = "--part",
            paramLabel = "NAME",
            description = "The part of a .pt file that holds the weights (default: ema, or the whole file).")
    private @Nullable String part;

    @Option(
            names = "--vae",
            paramLabel = "DIR",
            description = "The autoencoder to put beside it: a folder of AutoencoderKL as diffusers publishes it.")
    private @Nullable Path vae;

    @Option(
            names = "--heads",
            paramLabel = "N",
            description = "Heads of each attention, where the width leaves a doubt.")
    private @Nullable Integer heads;

    @Option(
            names = "--decode-layer",
            paramLabel = "N",
            description = "Blocks after the side-interpolater of an MDT v1 (default: 2, as published).")
    private @Nullable Integer decodeLayer;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Type of the weights in the model folder: F32, F16 or BF16 (default: ${DEFAULT-VALUE}).")
    private DType dtype = DType.F32;

    @Override
    public Integer call() {
        if (output == null && !dryRun) {
            throw new MaskRtException(
                    ExitCode.USAGE, "import: expected --output, the folder to write, or --dry-run; add one of them");
        }
        PrintWriter out = spec.commandLine().getOut();
        long started = System.nanoTime();
        Recognition.Hints hints = new Recognition.Hints(optional(heads), optional(decodeLayer));
        try (Checkpoint checkpoint = Checkpoint.open(source, part, hints)) {
            Recognition found = checkpoint.recognition();
            PaperTable table = PaperTable.of(found.denoiser());
            out.println("source       " + checkpoint.source());
            out.println("model        " + found.denoiser());
            out.println("parameters   " + Tables.count(table.parameters()) + " in inference");
            found.assumptions().forEach(line -> out.println("assumed      " + line));
            if (!checkpoint.labels().isEmpty()) {
                out.println("class names  " + checkpoint.labels().size());
            }
            if (output != null && !dryRun) {
                write(checkpoint, output);
                out.printf(
                        Locale.ROOT,
                        "%s: written in %.1f s; next: maskrt export %s%n",
                        output,
                        (System.nanoTime() - started) / 1e9,
                        output);
            }
        }
        return 0;
    }

    private void write(Checkpoint checkpoint, Path folder) {
        WeightCheck.requireFinite(checkpoint.weights());
        ModelFolder.Contents contents = new ModelFolder.Contents(
                checkpoint.recognition().denoiser(),
                checkpoint.weights(),
                ScheduleConfig.linear(),
                checkpoint.labels());
        if (vae == null) {
            ModelFolder.write(folder, contents, dtype);
            return;
        }
        try (Component<AutoencoderKl> autoencoder = Component.openAutoencoder(vae)) {
            autoencoder.warnings().forEach(line -> spec.commandLine().getErr().println("warning: " + line));
            ModelFolder.write(folder, contents, autoencoder.model(), autoencoder.weights(), dtype);
        }
    }

    private static OptionalInt optional(@Nullable Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }
}
