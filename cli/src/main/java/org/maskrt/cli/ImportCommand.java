package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.PaperTable;
import org.maskrt.models.Presets;
import org.maskrt.models.convert.Checkpoint;
import org.maskrt.models.convert.Recognition;
import org.maskrt.models.convert.Recognition.Part;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;
import org.maskrt.perf.bench.Source;
import org.maskrt.perf.bench.Workload;
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
            "Turn a published checkpoint into a model folder: .pt files of DiT, MDT (v1, v2), E-MD3C and MaskDiT, safetensors files, and"
                    + " diffusers' DiT folders.",
            "An autoencoder (.ckpt of CompVis, a folder of diffusers) or a DINOv2 (.pth of its authors, a folder of transformers) goes into the"
                    + " model folder DIR if that is one already; otherwise DIR becomes a folder of that part alone.",
            "Model and sizes are recognised from the names and shapes of the weights. Nothing in a .pt file is executed."
        })
final class ImportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "SOURCE",
            description =
                    "A .pt, .pth, .ckpt or .safetensors file, or a folder of diffusers or transformers; or a preset, for its sizes with random"
                            + " weights to measure ('maskrt inspect presets').")
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
            paramLabel = "PATH",
            description =
                    "The autoencoder to put beside a denoiser: a checkpoint, or a folder of diffusers' AutoencoderKL.")
    private @Nullable Path vae;

    @Option(
            names = "--image-encoder",
            paramLabel = "PATH",
            description =
                    "A DINOv2 to put beside a denoiser: a checkpoint, or a folder of transformers; may be given twice.")
    private List<Path> imageEncoders = new ArrayList<>();

    @Option(
            names = "--heads",
            paramLabel = "N",
            description = "Heads of each attention, where the width leaves a doubt.")
    private @Nullable Integer heads;

    @Option(
            names = "--decode-layer",
            paramLabel = "N",
            description = "Blocks after the side-interpolater of an MDT v1 or E-MD3C (default: 2, as published).")
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
        if (Presets.isName(source.toString()) && !Files.exists(source)) {
            writePreset(out, source.toString());
            return 0;
        }
        Recognition.Hints hints = new Recognition.Hints(optional(heads), optional(decodeLayer));
        try (Checkpoint checkpoint = Checkpoint.open(source, part, hints)) {
            Recognition found = checkpoint.recognition();
            out.println("source       " + checkpoint.source());
            print(out, found.part());
            found.assumptions().forEach(line -> out.println("assumed      " + line));
            if (!checkpoint.labels().isEmpty()) {
                out.println("class names  " + checkpoint.labels().size());
            }
            if (output != null && !dryRun) {
                WeightCheck.requireFinite(checkpoint.weights());
                Path written = write(checkpoint, output);
                out.printf(
                        Locale.ROOT,
                        "%s: written in %.1f s; next: maskrt %s %s%n",
                        written,
                        (System.nanoTime() - started) / 1e9,
                        ModelFolder.isModelFolder(output) ? "export" : "inspect",
                        output);
            }
        }
        return 0;
    }

    private void writePreset(PrintWriter out, String name) {
        if (output == null) {
            throw new MaskRtException(
                    ExitCode.USAGE, name + ": expected --output for a preset, which is there already; add it");
        }
        if (ModelFolder.isModelFolder(output)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    output + ": expected a folder without a model for random weights, found one; name another");
        }
        try (Source preset = Source.open(name, Workload.DEFAULT)) {
            out.println(preset.folder(output) + ": " + name + " with random weights; next: maskrt export " + output);
        }
    }

    private static void print(PrintWriter out, Part part) {
        if (part instanceof Part.Transformer transformer) {
            out.println("model        " + transformer.model());
            out.println("parameters   "
                    + Tables.count(PaperTable.of(transformer.model()).parameters()) + " in inference");
        } else {
            out.println("model        "
                    + (part instanceof Part.Vae vae ? vae.model() : ((Part.ImageEncoder) part).model()));
            long parameters =
                    part.wanted().values().stream().mapToLong(Shape::size).sum();
            out.println("parameters   " + Tables.count(parameters));
        }
    }

    private Path write(Checkpoint checkpoint, Path folder) {
        Weights weights = checkpoint.weights();
        boolean isModel = ModelFolder.isModelFolder(folder);
        Part found = checkpoint.recognition().part();
        if (found instanceof Part.Vae autoencoder) {
            if (isModel) {
                return ModelFolder.putAutoencoder(folder, autoencoder.model(), weights, dtype);
            }
            Component.writeAutoencoder(folder, autoencoder.model(), weights, dtype);
        } else if (found instanceof Part.ImageEncoder encoder) {
            if (isModel) {
                return ModelFolder.putImageEncoder(folder, encoder.model(), weights, dtype);
            }
            Component.writeImageEncoder(folder, encoder.model(), weights, dtype);
        } else {
            writeModel(checkpoint, folder);
        }
        return folder;
    }

    private void writeModel(Checkpoint checkpoint, Path folder) {
        Denoiser denoiser = checkpoint.recognition().denoiser();
        List<Checkpoint> opened = new ArrayList<>();
        try {
            List<Part.Vae> autoencoders = new ArrayList<>();
            if (vae != null) {
                opened.add(Checkpoint.open(vae, null, Recognition.Hints.NONE));
                autoencoders.add(expect("--vae", opened.get(0), Part.Vae.class));
                ModelFolder.requireLatents(vae.toString(), autoencoders.get(0).model(), denoiser);
            }
            List<Part.ImageEncoder> encoders = new ArrayList<>();
            for (Path path : imageEncoders) {
                Checkpoint read = Checkpoint.open(path, null, Recognition.Hints.NONE);
                opened.add(read);
                encoders.add(expect("--image-encoder", read, Part.ImageEncoder.class));
            }
            ModelFolder.write(
                    folder,
                    new ModelFolder.Contents(
                            denoiser, checkpoint.weights(), ScheduleConfig.linear(), checkpoint.labels()),
                    dtype);
            for (Part.Vae autoencoder : autoencoders) {
                ModelFolder.putAutoencoder(
                        folder, autoencoder.model(), opened.get(0).weights(), dtype);
            }
            int first = autoencoders.size();
            for (int i = 0; i < encoders.size(); i++) {
                ModelFolder.putImageEncoder(
                        folder, encoders.get(i).model(), opened.get(first + i).weights(), dtype);
            }
        } finally {
            opened.forEach(Checkpoint::close);
        }
    }

    private <P extends Part> P expect(String option, Checkpoint read, Class<P> type) {
        Recognition found = read.recognition();
        if (!type.isInstance(found.part())) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    option + ": expected " + (type == Part.Vae.class ? "an AutoencoderKL" : "a DINOv2") + ", found "
                            + found.part() + " in " + read.weights().origin() + "; name another file");
        }
        found.assumptions().forEach(line -> spec.commandLine().getErr().println(option + ": " + line));
        WeightCheck.requireFinite(read.weights());
        return type.cast(found.part());
    }

    private static OptionalInt optional(@Nullable Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }
}
