package org.maskrt.runtime;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.DirectionReuse;

/** A picture of a running batch, with its own step, condition, guidance, noise and sampler. */
final class BatchRow implements AutoCloseable {
    private final BatchJob<?> job;
    private final int picture;
    private final Batch batch;
    private final TensorPool.Lease tensors;
    private final Modulations modulations;
    private final NoiseSource noise;
    private final StepRunner.State state;
    private final @Nullable HalfOutputs outputs;
    private final @Nullable DirectionReuse reuse;
    private boolean unconditional;
    private int conditioned;
    private int step;

    /**
     * What the steps on the host read, [1,C',H,W] each.
     *
     * @param conditional the model's output for the condition
     * @param unconditional and for the null condition
     */
    record HalfOutputs(float[] conditional, float[] unconditional, HostUpdate update) {
        float[] of(boolean half) {
            return half ? conditional : unconditional;
        }
    }

    /** The next picture of a job, at its first step. */
    BatchRow(Denoiser model, Graph conditioner, BatchJob<?> job, int picture, TensorPool.Lease tensors) {
        this.job = job;
        this.picture = picture;
        this.tensors = tensors;
        Work<?> work = job.work();
        SamplingPlan plan = job.plan();
        batch = work.source().rows(picture, picture + 1, 1);
        modulations = new Modulations(tensors, conditioner, plan.times(), batch.conditions());
        int latent = LatentSampler.size(model);
        noise = work.noises().of(new NoiseSource.Rows(picture, picture + 1, work.count()), latent);
        state = new StepRunner.State(new float[latent], new float[latent], new float[latent]);
        noise.start(state.sample());
        int output = latent / model.inChannels() * model.outChannels();
        outputs = plan.fusedSteps() == plan.size()
                ? null
                : new HalfOutputs(new float[output], new float[output], new HostUpdate(model, plan, 1));
        int guided = latent / model.inChannels() * plan.channels().count(model.inChannels());
        reuse = plan.reuse() > 0 ? new DirectionReuse(plan.reuse(), output, guided) : null;
    }

    BatchJob<?> job() {
        return job;
    }

    StepRunner.State state() {
        return state;
    }

    /** The hint [C,H,W] to row {@code slot} of {@code target} [B,C,H,W]. */
    void writeHint(DeviceTensor target, int slot) {
        batch.writeHint(0, target, slot);
    }

    /** What the model is told of the time of the next step. */
    float timestep() {
        return modulations.timestep(step);
    }

    /** The halves that {@code denoiser} has to run for the next step. */
    List<HalfBatch.Half> halves() {
        return Stream.of(true, false)
                .filter(conditional -> conditional ? planned().conditional() : unconditional)
                .map(this::half)
                .toList();
    }

    private HalfBatch.Half half(boolean conditional) {
        return new HalfBatch.Half() {
            @Override
            public void write(HalfBatch.Inputs inputs, int slot) {
                float[] sample = state.sample();
                inputs.sample().write(slot * sample.length, sample, 0, sample.length);
                modulate(conditional, inputs.modulation(), slot);
                if (inputs.timestep() != null) {
                    inputs.timestep().write(slot, new float[] {timestep()}, 0, 1);
                }
                if (inputs.hint() != null) {
                    writeHint(inputs.hint(), slot);
                }
            }

            @Override
            public void read(DeviceTensor out, int slot) {
                float[] into = outputs().of(conditional);
                out.read(slot * into.length, into, 0, into.length);
            }
        };
    }

    /** The step that is next. */
    SamplingPlan.PlannedStep planned() {
        return job.plan().step(step);
    }

    boolean fused() {
        return planned().halves() == SamplingPlan.Halves.FUSED;
    }

    HalfOutputs outputs() {
        if (outputs == null) {
            throw new IllegalStateException("no step of this row runs on the host");
        }
        return outputs;
    }

    /** Makes the modulations and the noise of the next step. */
    void prepare() {
        long started = System.nanoTime();
        int prepared = modulations.prepare(step);
        if (prepared > conditioned) {
            int more = prepared - conditioned;
            conditioned = prepared;
            job.conditioned(more, System.nanoTime() - started);
        }
        if (planned().stochastic()) {
            noise.draw(step, state.noise());
        }
        boolean guided = planned().halves() == SamplingPlan.Halves.BOTH;
        boolean stale = reuse == null || reuse.advance(guided ? planned().effect() : 0);
        unconditional = planned().unconditional() && (!guided || stale);
    }

    /** The modulation of the next step to row {@code slot} of {@code target} [B,K]. */
    void modulate(boolean conditional, DeviceTensor target, int slot) {
        Conditions conditions = batch.conditions();
        modulations.copy(step, conditional ? conditions.column(0) : conditions.nullColumn(), target, slot);
    }

    /** {@code guided_step} has made {@code next} of the sample, predicting {@code eps}. */
    void advance(float[] next, float[] eps) {
        if (job.plan().remembered(step)) {
            planned().requireLinear().memory().apply(state.sample(), eps, state.memory());
        }
        System.arraycopy(next, 0, state.sample(), 0, next.length);
        advanced(2);
    }

    /** Whether the step can be made of the outputs of the halves: they, and the sample that they lead to, are finite. */
    boolean advance() {
        HalfOutputs halves = outputs();
        boolean finite = (!planned().conditional() || SamplingLoop.finite(halves.conditional()))
                && (!unconditional || SamplingLoop.finite(halves.unconditional()));
        if (!finite) {
            return false;
        }
        if (reuse != null && planned().halves() == SamplingPlan.Halves.BOTH) {
            if (unconditional) {
                reuse.renew(halves.conditional(), halves.unconditional(), 0);
            } else {
                reuse.fill(halves.conditional(), halves.unconditional(), 0);
            }
        }
        halves.update().apply(step, state, halves.conditional(), halves.unconditional());
        if (!SamplingLoop.finite(state.sample())) {
            return false;
        }
        advanced(halves().size());
        return true;
    }

    private void advanced(int passes) {
        step++;
        job.stepped(passes);
        if (step == job.plan().size()) {
            job.finish(picture, state.sample());
        }
    }

    /** Whether the row has made all its steps, or its request needs no more. */
    boolean done() {
        return step == job.plan().size() || job.over();
    }

    /** How far the row is, for messages. */
    int step() {
        return step;
    }

    @Override
    public void close() {
        tensors.close();
    }
}
