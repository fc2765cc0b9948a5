package org.maskrt.trainer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import ai.djl.training.GradientCollector;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.ops.Shape;
import org.maskrt.trainer.log.LossPlot;
import org.maskrt.trainer.log.MetricsCsv;
import org.maskrt.trainer.log.TensorBoardEvents;

/** The loop of a stage: steps, log lines, pictures and checkpoints, until the last step or a cancellation. */
final class Fit {
    private static final int SCALARS_EVERY = 10;

    private final Stage stage;
    private final String config;
    private final TrainListener listener;
    private final BooleanSupplier cancelled;

    /** @param config of the run, as text, for its checkpoints */
    Fit(Stage stage, String config, TrainListener listener, BooleanSupplier cancelled) {
        this.stage = stage;
        this.config = config;
        this.listener = listener;
        this.cancelled = cancelled;
    }

    /** Where the stage was left, or its first step. */
    TrainState open(Engine engine, NdParams layout, Initialisation initialisation, long seed) {
        if (!Files.exists(stage.checkpoint())) {
            Map<String, Shape> shapes = layout.shapes();
            return TrainState.initial(
                    engine.newBaseManager(),
                    layout,
                    layout.flatten((path, shape) -> initialisation.of(path, shape, shapes, seed)));
        }
        Checkpoint saved = Checkpoint.read(stage.checkpoint(), layout.size());
        if (!saved.config().equals(config)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    stage.checkpoint() + ": expected a checkpoint of this configuration, it belongs to another one;"
                            + " use the configuration that began this folder, or another folder");
        }
        return new TrainState(engine.newBaseManager(), layout, saved.step(), saved.arrays());
    }

    /**
     * Runs what is left of the stage.
     *
     * @param preview draws pictures of the state at a step
     * @throws MaskRtException with {@link ExitCode#NOT_FINITE} where the loss or its gradient is, {@link ExitCode#INTERRUPTED} when cancelled
     */
    void run(TrainState state, Objective objective, LongConsumer preview) {
        List<String> columns = new ArrayList<>(List.of("loss"));
        columns.addAll(objective.metrics());
        columns.addAll(List.of("gradient_norm", "learning_rate"));
        listener.stage(stage.name(), state.step(), stage.steps());
        try (MetricsCsv csv = new MetricsCsv(stage.folder().resolve("metrics.csv"), columns, state.step());
                TensorBoardEvents events = new TensorBoardEvents(stage.folder(), state.step())) {
            while (state.step() < stage.steps()) {
                if (cancelled.getAsBoolean()) {
                    save(state);
                    throw new MaskRtException(
                            ExitCode.INTERRUPTED,
                            stage.name() + ": interrupted at step " + state.step() + " of " + stage.steps()
                                    + " and saved; run the same command again to go on");
                }
                Map<String, Float> metrics = step(state, objective);
                long done = state.step();
                csv.append(
                        done,
                        columns.stream()
                                .mapToDouble(name -> metrics.getOrDefault(name, Float.NaN))
                                .toArray());
                if (done % SCALARS_EVERY == 0) {
                    metrics.forEach((name, value) -> events.scalar(done, stage.name() + "/" + name, value));
                }
                listener.progress(done, metrics);
                boolean last = done == stage.steps();
                if (last || done % stage.pace().preview() == 0) {
                    preview.accept(done);
                }
                if (last || done % stage.pace().checkpoint() == 0) {
                    save(state);
                }
            }
        }
        plot();
    }

    private void plot() {
        MetricsCsv.Table table = MetricsCsv.read(stage.folder().resolve("metrics.csv"));
        Images.writePng(
                stage.folder().resolve("loss.png"), LossPlot.draw(stage.name(), table, List.of("loss")), Map.of());
    }

    private void save(TrainState state) {
        new Checkpoint(state.step(), config, state.arrays()).write(stage.checkpoint());
    }

    private Map<String, Float> step(TrainState state, Objective objective) {
        Map<String, Float> metrics = new LinkedHashMap<>();
        float value;
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            try (GradientCollector gradients = Torch.engine().newGradientCollector()) {
                NDArray loss = objective.loss(state.layout().views(state.weights()), state.step(), metrics);
                value = loss.getFloat();
                gradients.backward(loss);
            }
            metrics.put("loss", value);
            metrics.put("learning_rate", (float) stage.optimizer().rate(state.step(), stage.steps()));
            float norm = state.update(stage.optimizer(), stage.steps());
            metrics.put("gradient_norm", norm);
            if (!Float.isFinite(norm) || !Float.isFinite(value)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        stage.name() + ": expected a finite loss at step " + (state.step() + 1) + ", received loss "
                                + value + " with gradient norm " + norm
                                + "; lower the learning rate, or look for bad values in the data");
            }
        }
        return metrics;
    }
}
