package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * The steps of a {@link SamplingPlan} on a device: everything is uploaded before the first, and nothing comes back before the last unless someone
 * looks at the latents in between. Gives the numbers of {@link PlannedSampler} but for rounding.
 */
final class DeviceSampler implements LatentSampler {
    /** The graphs of a plan. */
    private record Loaded(DeviceGraph conditioner, Map<StepTables.Kind, DeviceGraph> steps) {
        DeviceGraph step(StepTables.Kind kind) {
            DeviceGraph graph = steps.get(kind);
            if (graph == null) {
                throw new IllegalStateException("no graph for " + kind + " steps");
            }
            return graph;
        }
    }

    private final Denoiser model;
    private final SamplingPlan plan;
    private final Graphs graphs;
    private final DeviceBackend device;

    /** @param plan whose steps run on the device: {@link SamplingPlan#onDevice} */
    DeviceSampler(Denoiser model, SamplingPlan plan, Graphs graphs, DeviceBackend device) {
        this.model = model;
        this.plan = plan;
        this.graphs = graphs;
        this.device = device;
    }

    @Override
    public int steps() {
        return plan.size();
    }

    @Override
    public int fusedSteps() {
        return plan.fusedSteps();
    }

    private Loaded load() {
        DeviceGraph conditioner = (DeviceGraph) graphs.get(GraphSignature.conditioner(model));
        Map<StepTables.Kind, DeviceGraph> steps = new EnumMap<>(StepTables.Kind.class);
        for (StepTables.Kind kind : StepTables.Kind.values()) {
            if (plan.stream().anyMatch(step -> StepTables.Kind.of(step) == kind)) {
                steps.put(kind, (DeviceGraph) graphs.get(kind.signature(model)));
            }
        }
        return new Loaded(conditioner, steps);
    }

    @Override
    public int rows(int count, int maxBatch) {
        Loaded loaded = load();
        int most = loaded.conditioner().most(GraphSignature.condition(model).name(), 0) - 1;
        int fixed = 0;
        for (DeviceGraph graph : loaded.steps().values()) {
            fixed = Math.max(fixed, LatentSampler.fixedBatch(graph));
            most = Math.min(most, graph.most("rows", 0));
        }
        if (most < 1) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    graphs.folder("conditioner") + ": expected an engine for 2 conditions at least, that of a picture"
                            + " and the null condition, received one for 1; build it again with `maskrt build`");
        }
        return LatentSampler.rows(fixed, count, Math.min(maxBatch, most));
    }

    @Override
    public float[] sample(Batch batch, NoiseSource noise, SamplingLoop.Watch watch) {
        return on(batch, noise, (loop, start) -> {
            float[] result = loop.run(start, batch, watch);
            if (!SamplingLoop.finite(result)) {
                loop.run(start, batch, SamplingLoop.Watch.EVERY_STEP);
                throw notFinite(plan.size() - 1);
            }
            return result;
        });
    }

    /** The milliseconds of each step by the device's own clock, for a batch that was sampled before. */
    List<Double> time(Batch batch, NoiseSource noise) {
        return on(batch, noise, (loop, start) -> loop.time(start, batch));
    }

    /** {@code work} on the loop of a batch and what it starts from. */
    private <R> R on(Batch batch, NoiseSource noise, BiFunction<Loop, float[], R> work) {
        Loaded loaded = load();
        int rows = batch.size();
        int chunk = chunk(rows, loaded);
        StepTables tables = new StepTables(plan, rows, chunk);
        float[] start = new float[rows * LatentSampler.size(model)];
        noise.start(start);
        List<float[]> noises = noises(tables, noise, start.length);
        try (Lanes.Lease lease = device.lanes().take()) {
            Lane lane = lease.lane();
            long room = device.plan().tableBytes() - DeviceSteps.bytes(model, rows, chunk);
            DeviceSteps steps = lane.steps(rows, chunk, room, () -> new DeviceSteps(model, lane, rows, chunk));
            return work.apply(new Loop(loaded, steps, tables, noises), start);
        }
    }

    /** Steps whose rows fit into the tables at once. */
    private int chunk(int rows, Loaded loaded) {
        int columns = StepTables.columns(rows);
        long most = Math.min(loaded.conditioner().most("timesteps", 0), device.tableSteps(model, rows));
        most = Math.min(most, Integer.MAX_VALUE / ((long) columns * model.modulationSize()));
        for (DeviceGraph graph : loaded.steps().values()) {
            most = Math.min(most, graph.most("modulation", 0) / columns);
            most = Math.min(most, graph.most("noise", 0) / rows - 1);
        }
        if (most < 1) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    graphs.folder("guided_step") + ": expected tables of " + columns + " rows of modulation and "
                            + StepTables.noiseRows(rows, 1) + " of noise at least for a batch of " + rows
                            + ", received engines or memory for fewer; use a smaller --max-batch, or build them again"
                            + " with `maskrt build`");
        }
        return (int) Math.min(most, plan.size());
    }

    /** The noise of each chunk's steps, [steps,B,C,H,W]; empty where no step draws any. */
    private List<float[]> noises(StepTables tables, NoiseSource noise, int latent) {
        List<float[]> noises = new ArrayList<>();
        float[] drawn = new float[latent];
        for (StepTables.Chunk chunk : tables.chunks()) {
            float[] all = new float[tables.stochastic() ? Math.multiplyExact(chunk.size(), latent) : 0];
            for (int i = chunk.from(); i < chunk.to(); i++) {
                if (plan.step(i).stochastic()) {
                    noise.draw(i, drawn);
                    System.arraycopy(drawn, 0, all, (i - chunk.from()) * latent, latent);
                }
            }
            noises.add(all);
        }
        return noises;
    }

    private MaskRtException notFinite(int i) {
        return SamplingLoop.notFinite(
                graphs.folder(StepTables.Kind.of(plan.step(i)).graph()), plan, i);
    }

    /** One batch on a lane. */
    private final class Loop {
        private final Loaded loaded;
        private final DeviceSteps steps;
        private final StepTables tables;
        private final List<float[]> noises;

        Loop(Loaded loaded, DeviceSteps steps, StepTables tables, List<float[]> noises) {
            this.loaded = loaded;
            this.steps = steps;
            this.tables = tables;
            this.noises = noises;
        }

        float[] run(float[] start, Batch batch, SamplingLoop.Watch watch) {
            Known known = batch.known();
            boolean stepwise = watch.looks() || known != null;
            float[] sample = start.clone();
            steps.begin(sample, batch, tables);
            for (StepTables.Chunk chunk : tables.chunks()) {
                steps.fill(tables, chunk, noises.get(chunk.number()), loaded.conditioner());
                watch.conditioned(chunk.to());
                List<StepTables.Segment> segments = tables.segments(chunk);
                for (int s = 0; s < segments.size(); s++) {
                    StepTables.Segment segment = segments.get(s);
                    steps.start(s);
                    steps.with(segment.kind(), loaded.step(segment.kind()), launch -> {
                        for (int i = segment.from(); i < segment.to(); i++) {
                            if (known != null) {
                                double signal = plan.step(i).alphaCumprod();
                                known.renew(sample, start, Math.sqrt(signal), Math.sqrt(1 - signal));
                                steps.sample(sample);
                            }
                            launch.run();
                            watch.ran(batch.size() * (plan.step(i).halves() == SamplingPlan.Halves.FUSED ? 2 : 1));
                            if (stepwise) {
                                look(i, sample, watch);
                            } else {
                                steps.mark(i);
                                passed(i - 1, sample, watch);
                            }
                        }
                    });
                }
            }
            if (!stepwise) {
                passed(plan.size() - 1, sample, watch);
                steps.read(sample);
            }
            if (known != null) {
                known.renew(sample, start, 1, 0);
            }
            return sample;
        }

        List<Double> time(float[] start, Batch batch) {
            List<Double> millis = new ArrayList<>();
            steps.begin(start, batch, tables);
            for (StepTables.Chunk chunk : tables.chunks()) {
                steps.fill(tables, chunk, noises.get(chunk.number()), loaded.conditioner());
                List<StepTables.Segment> segments = tables.segments(chunk);
                for (int s = 0; s < segments.size(); s++) {
                    StepTables.Segment segment = segments.get(s);
                    steps.start(s);
                    millis.addAll(
                            steps.time(segment.kind(), loaded.step(segment.kind()), segment.to() - segment.from()));
                }
            }
            return millis;
        }

        private void look(int i, float[] sample, SamplingLoop.Watch watch) {
            steps.read(sample);
            if (!SamplingLoop.finite(sample)) {
                throw notFinite(i);
            }
            watch.stepped(i, sample);
            if (watch.changes()) {
                steps.sample(sample);
            }
        }

        /** The device is one step ahead of what is reported, so it never waits for the host. */
        private void passed(int i, float[] sample, SamplingLoop.Watch watch) {
            if (i >= 0) {
                steps.await(i);
                watch.stepped(i, sample);
            }
        }
    }
}
