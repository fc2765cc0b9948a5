package org.maskrt.runtime;

import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.diffusion.HeunSampler;
import org.maskrt.models.maskdit.MaskDit;

/** EDM's sampler over a MaskDiT: the preconditioning and the state are on the host, the network is the graph {@code denoiser}. */
final class EdmSampler implements LatentSampler {
    private final MaskDit model;
    private final HeunSampler sampler;
    private final Guided guided;
    private final Graphs graphs;
    private final TensorPool pool;
    private final Edm edm;

    /**
     * Guidance on all channels.
     *
     * @param weight 1 is none
     * @param reuse as in {@link GuidanceOptions}
     */
    record Guided(double weight, double reuse) {
        SamplingPlan.Halves halves() {
            return weight == 1
                    ? SamplingPlan.Halves.CONDITIONAL
                    : weight == 0 ? SamplingPlan.Halves.UNCONDITIONAL : SamplingPlan.Halves.BOTH;
        }
    }

    EdmSampler(MaskDit model, HeunSampler sampler, Guided guided, Graphs graphs, TensorPool pool) {
        this.model = model;
        this.sampler = sampler;
        this.guided = guided;
        this.graphs = graphs;
        this.pool = pool;
        this.edm = new Edm(model.config().sigmaData());
    }

    @Override
    public int steps() {
        return sampler.evaluations();
    }

    @Override
    public int fusedSteps() {
        return 0;
    }

    @Override
    public int rows(int count, int maxBatch) {
        graphs.get(GraphSignature.conditioner(model));
        int fixed = LatentSampler.fixedBatch(graphs.get(GraphSignature.denoiser(model)));
        return LatentSampler.rows(fixed, count, maxBatch);
    }

    @Override
    public float[] sample(Batch batch, NoiseSource noise, SamplingLoop.Watch watch) {
        try (TensorPool.Lease tensors = pool.lease()) {
            float[] start = new float[batch.size() * LatentSampler.size(model)];
            noise.start(start);
            double[] found = sampler.sample(start, new Network(batch, tensors, watch), (step, count) -> {
                float[] fresh = new float[count];
                noise.draw(step, fresh);
                return fresh;
            });
            float[] sample = new float[found.length];
            for (int i = 0; i < sample.length; i++) {
                sample[i] = (float) found[i];
            }
            return sample;
        }
    }

    /** D with guidance; in the known part of a picture D is what is known, which makes the sampler end there. */
    private final class Network implements HeunSampler.Denoised {
        private final Modulations modulations;
        private final HalfPass pass;
        private final HalfRuns halves;
        private final SamplingLoop.Watch watch;
        private final @Nullable Known known;
        private final float[] scaled;
        private final float[] raw;
        private final float[] unconditional;
        private int evaluation;
        private int conditioned;

        Network(Batch batch, TensorPool.Lease tensors, SamplingLoop.Watch watch) {
            this.watch = watch;
            this.known = batch.known();
            modulations = new Modulations(
                    tensors,
                    graphs.get(GraphSignature.conditioner(model)),
                    Edm.noise(sampler.evaluated()),
                    batch.conditions());
            pass = HalfPass.denoiser(model, batch, graphs.get(GraphSignature.denoiser(model)), modulations, tensors);
            halves = new HalfRuns(pass, batch.size(), guided.reuse(), pass.size() / batch.size());
            scaled = new float[pass.size()];
            raw = new float[pass.size()];
            unconditional = new float[pass.size()];
        }

        @Override
        public float[] at(float[] noisy, double sigma) {
            int prepared = modulations.prepare(evaluation);
            if (prepared > conditioned) {
                conditioned = prepared;
                watch.conditioned(conditioned);
            }
            float[] scaling = edm.scaling(new float[] {(float) sigma});
            for (int i = 0; i < scaled.length; i++) {
                scaled[i] = scaling[2] * noisy[i];
            }
            pass.sample(scaled);
            double effect = (guided.weight() - 1) * scaling[1];
            watch.ran(halves.run(evaluation, guided.halves(), effect, raw, unconditional));
            if (guided.halves() != SamplingPlan.Halves.CONDITIONAL) {
                float weight = (float) guided.weight();
                for (int i = 0; i < raw.length; i++) {
                    raw[i] = unconditional[i] + weight * (raw[i] - unconditional[i]);
                }
            }
            for (int i = 0; i < raw.length; i++) {
                raw[i] = scaling[0] * noisy[i] + scaling[1] * raw[i];
            }
            if (known != null) {
                known.renew(raw, raw, 1, 0);
            }
            requireFinite(sigma);
            watch.stepped(evaluation, raw);
            evaluation++;
            return raw;
        }

        private void requireFinite(double sigma) {
            for (float v : raw) {
                if (!Float.isFinite(v)) {
                    throw new MaskRtException(
                            ExitCode.NOT_FINITE,
                            graphs.folder(pass.graph()) + ": the latents are not finite after evaluation "
                                    + (evaluation + 1) + " of " + steps() + " (noise level " + sigma
                                    + "); the weights hold NaN or overflow, check them with `maskrt inspect`");
                }
            }
        }
    }
}
