package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.engine.Engine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.data.Batch;
import org.maskrt.trainer.data.BatchOrder;
import org.maskrt.trainer.data.Batches;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.PairSource;

/**
 * A whole run: an autoencoder, then a denoiser on its latents, then a model folder. A folder with a run that did not end is gone on with: what is
 * done is not done again, and the result is the same as if the run had not stopped.
 */
public final class Training {
    private static final int ENCODE_BATCH = 64;
    private static final int MEASURED_BATCHES = 16;
    private static final int PREVIEW_PICTURES = 8;

    private final TrainConfig config;
    private final Path out;
    private final List<Device> devices;
    private final TrainListener listener;
    private final BooleanSupplier cancelled;
    private final Engine engine = Torch.engine();
    private final ImageSource source;
    private final Streams streams;

    private Training(TrainConfig config, Path out, Devices devices, TrainListener listener, BooleanSupplier cancelled) {
        this.config = config;
        this.out = out;
        this.devices = devices.of(engine.getGpuCount());
        this.listener = listener;
        this.cancelled = cancelled;
        this.source = config.data().open(config.seed(), listener::note);
        this.streams = new Streams(config.seed());
    }

    /**
     * Trains, or goes on training, until the end.
     *
     * @param out the model folder, which also takes checkpoints, metrics and pictures under {@code training/}
     * @param devices that share the work; a run may go on with others
     * @param cancelled asked before each step
     * @throws MaskRtException for everything that a user can mend
     */
    public static void run(
            TrainConfig config, Path out, Devices devices, TrainListener listener, BooleanSupplier cancelled) {
        Training training = new Training(config, out, devices, listener, cancelled);
        AtomicFiles.writeString(out.resolve("training/config.yaml"), config.yaml());
        training.autoencoder();
        training.transformer();
    }

    /** The first stage; its result is in {@code training/autoencoder/model}. */
    private void autoencoder() {
        AutoencoderTraining c = config.autoencoder();
        Stage stage = stage("autoencoder", c.steps(), c.accumulate(), c.optimizer());
        Path finished = stage.folder().resolve("model");
        if (Files.exists(finished.resolve("config.json"))) {
            return;
        }
        AutoencoderKl model = new AutoencoderKl(c.model());
        NdParams layout = new NdParams(WeightCheck.wanted(model));
        Fit fit = fit(stage);
        Batches batches = new Batches(source, order(c.batch()), config.data().mirror());
        try (Fit.Opened opened = fit.open(engine, devices.get(0), layout, Initialisation.TORCH, config.seed());
                Replicas replicas = new Replicas(engine, opened.state(), devices, c.precision());
                EagerModel average = new EagerModel(layout, opened.state().average())) {
            Batch shown = new Batches(source, order(PREVIEW_PICTURES), false).at(0);
            int size = config.data().size();
            Tensor originals = Tensor.of(shown.values(), PREVIEW_PICTURES, 3, size, size);
            fit.run(opened, replicas, new AutoencoderObjective(model, c, streams, batches::at), step -> {
                Tensor moments = average.encode(model, originals);
                Tensor means = average.run(
                        (o, p, in) -> o.slice(in.get(0), 1, 0, c.model().latentChannels()), moments);
                Tensor again = average.decode(model, means);
                Tensor both = average.run((o, p, in) -> o.concat(0, in), originals, again);
                save(stage, step, Mosaic.of(both, PREVIEW_PICTURES));
            });
            AutoencoderKl scaled = new AutoencoderKl(c.model().withScalingFactor(1 / latentDeviation(average, model)));
            Map<String, Tensor> weights = layout.unflatten(opened.state().averaged(0));
            writeAverages(stage, opened.state());
            Component.writeAutoencoder(finished, scaled, Weights.of(finished.toString(), weights), DType.F32);
        }
    }

    /** The standard deviation of the latents, of all channels together, about their mean 0 (Rombach et al., 2022, appendix G). */
    private double latentDeviation(EagerModel eager, AutoencoderKl model) {
        int size = config.data().size();
        Batches batches = new Batches(source, order(ENCODE_BATCH), false);
        double sum = 0;
        double squares = 0;
        double count = 0;
        for (int i = 0; i < MEASURED_BATCHES; i++) {
            Batch batch = batches.at(i);
            Tensor moments = eager.encode(model, Tensor.of(batch.values(), ENCODE_BATCH, 3, size, size));
            int half = moments.size() / ENCODE_BATCH / 2;
            float[] v = moments.values();
            for (int b = 0; b < ENCODE_BATCH; b++) {
                for (int k = 0; k < half; k++) {
                    double mean = v[b * 2 * half + k];
                    sum += mean;
                    squares += mean * mean + Math.exp(v[b * 2 * half + half + k]);
                    count++;
                }
            }
        }
        return Math.sqrt(squares / count - sum / count * (sum / count));
    }

    private void transformer() {
        DenoiserTraining c = config.transformer();
        Stage stage = stage("transformer", c.steps(), c.accumulate(), c.optimizer());
        Fit fit = fit(stage);
        Path first = out.resolve("training/autoencoder/model");
        try (Component<AutoencoderKl> files = Component.openAutoencoder(first);
                EagerModel eager = new EagerModel(files.weights(), devices.get(0));
                LatentData data = data(new Codec(eager, files.model(), devices.get(0)), files.sha256())) {
            Denoiser model = data.model();
            NdParams layout = new NdParams(WeightCheck.wanted(model));
            try (Fit.Opened opened = fit.open(engine, devices.get(0), layout, Initialisation.DIFFUSION, config.seed());
                    Replicas replicas = new Replicas(engine, opened.state(), devices, c.precision());
                    EagerModel average = new EagerModel(layout, opened.state().average())) {
                fit.run(opened, replicas, data.objective(), step -> save(stage, step, data.preview(average)));
                writeAverages(stage, opened.state());
                Weights weights = Weights.of(
                        "the trained transformer",
                        layout.unflatten(opened.state().averaged(0)));
                ModelFolder.write(
                        out,
                        new ModelFolder.Contents(model, weights, ScheduleConfig.linear(), labels(model)),
                        files.model(),
                        files.weights(),
                        DType.F32);
                data.finish(out);
            }
        }
    }

    private Map<Integer, String> labels(Denoiser model) {
        Map<Integer, String> labels = new TreeMap<>();
        for (int i = 0; i < model.numClasses() && i < source.labels().size(); i++) {
            labels.put(i, source.labels().get(i));
        }
        return labels;
    }

    private LatentData data(Codec codec, String digest) {
        DenoiserTraining training = config.transformer();
        Cache cache = new Cache(
                out.resolve("training/latents"),
                "seed " + config.seed() + ", " + config.data() + ", autoencoder " + digest,
                done -> {
                    if (cancelled.getAsBoolean()) {
                        throw new MaskRtException(
                                ExitCode.INTERRUPTED,
                                out + ": interrupted while encoding pictures; run the same command again to go on");
                    }
                    listener.progress(done, Map.of());
                });
        if (training.model() instanceof Emd3cSizes sizes && config.data() instanceof DataConfig.Pairs data) {
            PairSource pairs = data.pairs(config.seed(), listener::note);
            listener.stage("latents", 0, pairs.count());
            return PairedData.open(training, sizes, new PairedData.Pictures(pairs, data.size()), codec, cache, streams);
        }
        listener.stage("latents", 0, source.count());
        return LabelledData.open(training, source, config.data().mirror(), codec, cache, streams);
    }

    /** The averages of all decays but the first, which is the model. */
    private static void writeAverages(Stage stage, TrainState state) {
        List<Double> decays = stage.optimizer().emaDecay();
        for (int i = 1; i < decays.size(); i++) {
            Path file = stage.folder().resolve("ema-" + decays.get(i) + ".safetensors");
            SafeTensors.write(file, state.layout().unflatten(state.averaged(i)), DType.F32);
        }
    }

    private static void save(Stage stage, long step, RgbImage image) {
        Images.writePng(stage.folder().resolve(String.format("preview-%07d.png", step)), image, Map.of());
    }

    private Stage stage(String name, long steps, int accumulate, OptimizerConfig optimizer) {
        Path folder = out.resolve("training").resolve(name);
        return new Stage(name, steps, accumulate, optimizer, config.pace(), folder);
    }

    private Fit fit(Stage stage) {
        return new Fit(stage, config.yaml(stage.name()), listener, cancelled);
    }

    private BatchOrder order(int batch) {
        return new BatchOrder(source.count(), batch, config.seed());
    }
}
