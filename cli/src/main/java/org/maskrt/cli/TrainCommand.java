package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.trainer.Devices;
import org.maskrt.trainer.EncoderConfig;
import org.maskrt.trainer.EncoderRun;
import org.maskrt.trainer.TrainConfig;
import org.maskrt.trainer.TrainListener;
import org.maskrt.trainer.Training;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt train}. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = {
            "Train an autoencoder and then a DiT, MDT, MaskDiT or E-MD3C on its latents, as a YAML file states it.",
            "The folder becomes a model folder; checkpoints, metrics, TensorBoard events, pictures and the loss plot are in its training/."
                    + " The same command goes on with a run that was stopped, to the same weights as if it had not been.",
            "With the key image_encoder the file states the training of an image encoder for E-MD3C, and the folder becomes the encoder's.",
            "--explain alone lists every key of the YAML file."
        })
final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "CONFIG", arity = "0..1", description = "The run, as YAML.")
    private @Nullable Path config;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            description = "The model folder; needed with CONFIG.")
    private @Nullable Path output;

    @Option(names = "--explain", description = "Say what each key of CONFIG means, its type and its default.")
    private boolean explain;

    @Option(
            names = "--devices",
            paramLabel = "LIST",
            description = "Where to train: cpu, or cuda:0,cuda:1,..., which share the work of each step (default:"
                    + " ${DEFAULT-VALUE}).")
    private String devices = "cpu";

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
        PrintWriter out = spec.commandLine().getOut();
        if (explain) {
            out.print(TrainConfig.explain());
            return 0;
        }
        if (config == null || output == null) {
            throw new ParameterException(
                    spec.commandLine(),
                    "Missing " + (config == null ? "CONFIG" : "--output=DIR")
                            + ": expected maskrt train CONFIG -o DIR, or maskrt train --explain");
        }
        if (EncoderConfig.isStatedBy(config)) {
            EncoderConfig encoder = EncoderConfig.read(config);
            if (dtype != DType.F32) {
                throw new MaskRtException(ExitCode.USAGE, "--dtype: an image encoder is written as F32, got " + dtype);
            }
            Path folder = output;
            out.println(train(
                    folder,
                    out,
                    (where, listener, cancelled) -> EncoderRun.run(encoder, folder, where, listener, cancelled)));
            return 0;
        }
        TrainConfig run = TrainConfig.read(config);
        Path folder = output;
        String trained = train(
                folder, out, (where, listener, cancelled) -> Training.run(run, folder, where, listener, cancelled));
        if (dtype != DType.F32) {
            rewrite(folder);
        }
        out.println(trained + "; next: maskrt export " + folder);
        return 0;
    }

    @FunctionalInterface
    private interface Run {
        void run(Devices where, TrainListener listener, BooleanSupplier cancelled);
    }

    /** Runs; what to say of it. */
    private String train(Path folder, PrintWriter out, Run run) {
        Devices where = Devices.parse(devices);
        AtomicBoolean cancelled = new AtomicBoolean();
        long started = System.nanoTime();
        double waitedPercent;
        try (Progress progress = new Progress(quiet)) {
            Listener listener = new Listener(progress, out, spec.commandLine().getErr());
            Interrupts.during(() -> cancelled.set(true), () -> {
                run.run(where, listener, cancelled::get);
                return folder;
            });
            waitedPercent = listener.waitedPercent();
        }
        return String.format(
                Locale.ROOT,
                "%s: trained in %.1f min, data waited %.1f %%",
                folder,
                (System.nanoTime() - started) / 60e9,
                waitedPercent);
    }

    private void rewrite(Path output) {
        try (ModelFolder folder = ModelFolder.open(output)) {
            ModelFolder.Contents contents = new ModelFolder.Contents(
                    folder.denoiser(), folder.transformerWeights(), folder.schedule(), folder.labels());
            ModelFolder.write(output, contents, folder.autoencoder(), folder.vaeWeights(), dtype);
            folder.imageEncoders()
                    .values()
                    .forEach(part -> ModelFolder.putImageEncoder(output, part.model(), part.weights(), dtype));
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
        private double seconds;
        private double waited;

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
        public void trained(double stageSeconds, double stageWaited) {
            seconds += stageSeconds;
            waited += stageWaited;
        }

        /** The share of the time of all steps in which training waited for data. */
        double waitedPercent() {
            return seconds == 0 ? 0 : 100 * waited / seconds;
        }

        @Override
        public void note(String line) {
            err.println(line);
        }
    }
}
