package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDScope;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.ops.Shape;
import org.maskrt.trainer.data.ReadAhead;
import org.maskrt.trainer.log.LossPlot;
import org.maskrt.trainer.log.MetricsCsv;
import org.maskrt.trainer.log.TensorBoardEvents;

/** The loop of a stage: steps, log lines, pictures and checkpoints, until the last step or a cancellation. */
final class Fit {
    private static final int SCALARS_EVERY = 10;
    private static final List<String> TIMES = List.of("step_ms", "data_wait_ms");

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

    /** A state and what its objective had learnt. */
    record Opened(TrainState state, Map<String, float[]> learnt) implements AutoCloseable {
        @Override
        public void close() {
            state.close();
        }
    }

    /** Where the stage was left, or its first step. */
    Opened open(Engine engine, Device device, NdParams layout, Initialisation initialisation, long seed) {
        int averages = stage.optimizer().emaDecay().size();
        if (!Files.exists(stage.checkpoint())) {
            Map<String, Shape> shapes = layout.shapes();
            float[] weights = layout.flatten((path, shape) -> initialisation.of(path, shape, shapes, seed));
            return new Opened(TrainState.initial(engine.newBaseManager(device), layout, weights, averages), Map.of());
        }
        Checkpoint saved = Checkpoint.read(stage.checkpoint(), config, TrainState.names(averages), layout.size());
        return new Opened(
                new TrainState(engine.newBaseManager(device), layout, saved.step(), saved.arrays()), saved.learnt());
    }

    /**
     * Runs what is left of the stage.
     *
     * @param replicas of the state
     * @param preview draws pictures of the state at a step
     * @throws MaskRtException with {@link ExitCode#NOT_FINITE} where the loss or its gradient is, {@link ExitCode#INTERRUPTED} when cancelled
     */
    void run(Opened opened, Replicas replicas, Objective objective, LongConsumer preview) {
        TrainState state = opened.state();
        if (!opened.learnt().isEmpty()) {
            objective.restore(opened.learnt());
        }
        List<String> columns = new ArrayList<>(List.of("loss"));
        columns.addAll(objective.metrics());
        columns.addAll(List.of("gradient_norm", "learning_rate"));
        listener.stage(stage.name(), state.step(), stage.steps());
        long trained = 0;
        long waited;
        // what time things took is not in the table of metrics, which is the same for each run of a configuration
        try (MetricsCsv csv = new MetricsCsv(stage.folder().resolve("metrics.csv"), columns, state.step());
                MetricsCsv times = new MetricsCsv(stage.folder().resolve("timing.csv"), TIMES, state.step());
                TensorBoardEvents events = new TensorBoardEvents(stage.folder(), state.step());
                ReadAhead<TrainStep> ahead = new ReadAhead<>(objective::prepare, state.step())) {
            while (state.step() < stage.steps()) {
                if (cancelled.getAsBoolean()) {
                    save(state, objective);
                    throw new MaskRtException(
                            ExitCode.INTERRUPTED,
                            stage.name() + ": interrupted at step " + state.step() + " of " + stage.steps()
                                    + " and saved; run the same command again to go on");
                }
                long began = System.nanoTime();
                long waitedBefore = ahead.waitedNanos();
                Map<String, Float> metrics = step(state, replicas, ahead.next());
                long took = System.nanoTime() - began;
                long wait = ahead.waitedNanos() - waitedBefore;
                trained += took;
                long done = state.step();
                csv.append(
                        done,
                        columns.stream()
                                .mapToDouble(name -> metrics.getOrDefault(name, Float.NaN))
                                .toArray());
                times.append(done, took / 1e6, wait / 1e6);
                if (done % SCALARS_EVERY == 0) {
                    metrics.forEach((name, value) -> events.scalar(done, stage.name() + "/" + name, value));
                    events.scalar(done, stage.name() + "/data_wait_share", (float) wait / took);
                }
                listener.progress(done, metrics);
                boolean last = done == stage.steps();
                if (last || done % stage.pace().preview() == 0) {
                    preview.accept(done);
                }
                if (last || done % stage.pace().checkpoint() == 0) {
                    save(state, objective);
                }
            }
            waited = ahead.waitedNanos();
        }
        plot();
        listener.trained(trained / 1e9, waited / 1e9);
    }

    private void plot() {
        MetricsCsv.Table table = MetricsCsv.read(stage.folder().resolve("metrics.csv"));
        Images.writePng(
                stage.folder().resolve("loss.png"), LossPlot.draw(stage.name(), table, List.of("loss")), Map.of());
    }

    private void save(TrainState state, Objective objective) {
        new Checkpoint(state.step(), config, state.arrays(), objective.state()).write(stage.checkpoint());
    }

    private Map<String, Float> step(TrainState state, Replicas replicas, TrainStep step) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            step.begin();
            Map<String, Float> metrics = replicas.gradients(step, stage.accumulate());
            step.end();
            float loss = metrics.getOrDefault("loss", Float.NaN);
            metrics.put("learning_rate", (float) stage.optimizer().rate(state.step(), stage.steps()));
            float norm = state.update(stage.optimizer(), stage.steps());
            metrics.put("gradient_norm", norm);
            if (!Float.isFinite(norm) || !Float.isFinite(loss)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        stage.name() + ": expected a finite loss at step " + (state.step() + 1) + ", received loss "
                                + loss + " with gradient norm " + norm
                                + "; lower the learning rate, or look for bad values in the data");
            }
            replicas.share();
            return metrics;
        }
    }
}
