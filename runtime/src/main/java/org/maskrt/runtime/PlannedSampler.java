package org.maskrt.runtime;

import org.maskrt.models.Denoiser;
import org.maskrt.models.mdt.MdtDenoiser;

/** The samplers that a {@link SamplingPlan} describes. */
final class PlannedSampler implements LatentSampler {
    private final Denoiser model;
    private final SamplingPlan plan;
    private final Graphs graphs;
    private final TensorPool pool;

    PlannedSampler(Denoiser model, SamplingPlan plan, Graphs graphs, TensorPool pool) {
        this.model = model;
        this.plan = plan;
        this.graphs = graphs;
        this.pool = pool;
    }

    @Override
    public int steps() {
        return plan.size();
    }

    @Override
    public int fusedSteps() {
        return plan.fusedSteps();
    }

    @Override
    public int rows(int count, int maxBatch) {
        int fixed = 0;
        if (plan.network() == SamplingPlan.Network.INPAINT && model instanceof MdtDenoiser mdt) {
            fixed = LatentSampler.fixedBatch(graphs.get(GraphSignature.inpaint(mdt)));
        } else {
            graphs.get(GraphSignature.conditioner(model));
            if (plan.fusedSteps() > 0) {
                fixed = LatentSampler.fixedBatch(graphs.get(GraphSignature.guidedStep(model)));
            }
            if (plan.fusedSteps() < plan.size()) {
                fixed = Math.max(fixed, LatentSampler.fixedBatch(graphs.get(GraphSignature.denoiser(model))));
            }
        }
        return LatentSampler.rows(fixed, count, maxBatch);
    }

    @Override
    public float[] sample(Batch batch, NoiseSource noise, SamplingLoop.Watch watch) {
        try (TensorPool.Lease tensors = pool.lease()) {
            float[] sample = new float[batch.size() * LatentSampler.size(model)];
            noise.start(sample);
            new SamplingLoop(model, graphs, plan, batch, tensors).run(sample, noise, watch);
            return sample;
        }
    }
}
