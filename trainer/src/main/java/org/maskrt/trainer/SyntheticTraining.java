package org.maskrt.trainer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDScope;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.trainer.data.Batch;
import org.maskrt.trainer.data.ReadAhead;

/**
 * The steps of a training without its data, checkpoints and logs, for measurements: random latents of random classes, the published recipe, AdamW and
 * one average, in fp32 on the processor. For use by one thread.
 */
public final class SyntheticTraining implements AutoCloseable {
    private static final double LABEL_DROP = 0.1;
    private static final OptimizerConfig OPTIMIZER = new OptimizerConfig(1e-4, 1, false, 0, 1, List.of(0.9999));

    private final TrainState state;
    private final Replicas replicas;
    private final ReadAhead<TrainStep> steps;

    /** A training of {@code model} on batches of {@code batch} latents. */
    public SyntheticTraining(Denoiser model, int batch, long seed) {
        Engine engine = Torch.engine();
        NdParams layout = new NdParams(WeightCheck.wanted(model));
        float[] weights =
                layout.flatten((path, shape) -> Initialisation.DIFFUSION.of(path, shape, layout.shapes(), seed));
        state = TrainState.initial(engine.newBaseManager(), layout, weights, 1);
        replicas = new Replicas(engine, state, Devices.cpu().of(0), Precision.FP32);
        Labelled latents = new Labelled(latents(model, batch, seed), model.numClasses());
        DenoiserObjective objective = new DenoiserObjective(
                model, DenoiserObjective.Recipe.published(model, LABEL_DROP), new Streams(seed), step -> latents);
        steps = new ReadAhead<>(objective::prepare, 0);
    }

    private static Batch latents(Denoiser model, int batch, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[batch * model.inChannels() * model.inputSize() * model.inputSize()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return new Batch(0, values, random.longs(batch, 0, model.numClasses()).toArray());
    }

    /** Trained parameters. */
    public long parameters() {
        return state.layout().size();
    }

    /**
     * One step.
     *
     * @return the loss before it
     * @throws MaskRtException (NOT_FINITE) if loss or gradient is not finite
     */
    public float step() {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            TrainStep step = steps.next();
            step.begin();
            Map<String, Float> metrics = replicas.gradients(step, 1);
            step.end();
            float norm = state.update(OPTIMIZER, Long.MAX_VALUE);
            float loss = metrics.getOrDefault("loss", Float.NaN);
            if (!Float.isFinite(norm) || !Float.isFinite(loss)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        "synthetic training: expected a finite loss, received " + loss + " with gradient norm " + norm
                                + "; report this as a bug");
            }
            return loss;
        }
    }

    @Override
    public void close() {
        steps.close();
        replicas.close();
        state.close();
    }
}
