package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.trainer.TrainConfig;
import org.maskrt.trainer.TrainListener;
import org.maskrt.trainer.Training;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt train}. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = {
            "Train an autoencoder and then a DiT, MDT or MaskDiT on its latents, as a YAML file states it.",
            "The folder becomes a model folder; checkpoints, metrics, TensorBoard events, pictures and the loss plot are in its training/."
                    + " The same command goes on with a run that was stopped, to the same weights as if it had not been."
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "CONFIG", description = "The run, as YAML; docs/training.md explains each key.")
    private Path config;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "DIR",
            description = "The model folder.")
    private Path output;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Type of the weights in the model folder: F32, F16 or BF16 (default: ${DEFAULT-VALUE}).")
    private DType dtype = DType.F32;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar.")
    private boolean quiet;

    @Override
    public Integer call() {
        TrainConfig run = TrainConfig.read(config);
        AtomicBoolean cancelled = new AtomicBoolean();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        long started = System.nanoTime();
        try (Progress progress = new Progress(quiet)) {
            Interrupts.during(() -> cancelled.set(true), () -> {
                Training.run(run, output, new Listener(progress, out, err), cancelled::get);
                return output;
            });
        }
        if (dtype != DType.F32) {
            rewrite();
        }
        out.printf(
                Locale.ROOT,
                "%s: trained in %.1f min; next: maskrt export %s%n",
                output,
                (System.nanoTime() - started) / 60e9,
                output);
        return 0;
    }

    private void rewrite() {
        try (ModelFolder folder = ModelFolder.open(output)) {
            ModelFolder.Contents contents = new ModelFolder.Contents(
                    folder.denoiser(), folder.transformerWeights(), folder.schedule(), folder.labels());
            ModelFolder.write(output, contents, folder.autoencoder(), folder.vaeWeights(), dtype);
        }
    }

    /** The bar's text, and a line now and then where there is no bar. */
    private static final class Listener implements TrainListener {
        private static final long LINE_EVERY_NANOS = 30_000_000_000L;

        private final Progress progress;
        private final PrintWriter out;
        private final PrintWriter err;
        private String stage = "";
        private long total;
        private long spoke = System.nanoTime();

        Listener(Progress progress, PrintWriter out, PrintWriter err) {
            this.progress = progress;
            this.out = out;
            this.err = err;
        }

        @Override
        public void stage(String name, long done, long all) {
            stage = name;
            total = all;
            progress.end();
            out.println(name + ": " + (done > 0 ? "goes on after " + done + " of " + all : all + " to do"));
        }

        @Override
        public void progress(long done, Map<String, Float> metrics) {
            String text = metrics.entrySet().stream()
                    .filter(e -> !e.getKey().equals("learning_rate"))
                    .map(e -> String.format(Locale.ROOT, "%s %.4f", e.getKey(), e.getValue()))
                    .collect(Collectors.joining(", "));
            progress.update(stage, done, total);
            progress.message(text);
            if (System.nanoTime() - spoke > LINE_EVERY_NANOS || done == total) {
                spoke = System.nanoTime();
                if (!progress.isShown()) {
                    out.println(stage + " " + done + "/" + total + "  " + text);
                }
            }
        }

        @Override
        public void note(String line) {
            err.println(line);
        }
    }
}
