package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.engine.Engine;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/** The training of an image encoder, from nothing to a folder that E-MD3C's sources can name. A run that was stopped goes on where it was. */
public final class EncoderRun {
    private EncoderRun() {}

    /**
     * Trains, or goes on training, until the end.
     *
     * @param out the encoder's folder, which also takes checkpoint and metrics under {@code training/}
     * @param devices that share the work; each sees only its own share of a batch to tell objects apart
     * @param cancelled asked before each step
     * @throws MaskRtException for everything that a user can mend
     */
    public static void run(
            EncoderConfig config, Path out, Devices devices, TrainListener listener, BooleanSupplier cancelled) {
        Engine engine = Torch.engine();
        List<Device> places = devices.of(engine.getGpuCount());
        EncoderTraining c = config.imageEncoder();
        AtomicFiles.writeString(out.resolve("training/config.yaml"), config.yaml());
        Stage stage = new Stage(
                "image_encoder", c.steps(), 1, c.optimizer(), config.pace(), out.resolve("training/image_encoder"));
        DinoV2 model = new DinoV2(c.model());
        NdParams layout = new NdParams(WeightCheck.wanted(model));
        Fit fit = new Fit(stage, config.decisive(), listener, cancelled);
        EncoderObjective objective =
                new EncoderObjective(model, c, config.pairs(listener::note), new Streams(config.seed()));
        try (Fit.Opened opened = fit.open(engine, places.get(0), layout, Initialisation.VIT, config.seed());
                Replicas replicas = new Replicas(engine, opened.state(), places, c.precision())) {
            fit.run(opened, replicas, objective, step -> {});
            Weights weights = Weights.of(
                    "the trained image encoder", layout.unflatten(opened.state().averaged(0)));
            Component.writeImageEncoder(out, model, weights, DType.F32);
        }
    }
}
