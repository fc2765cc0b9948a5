package org.maskrt.runtime;

import java.util.Arrays;
import java.util.List;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;

/** From noise to latents. */
final class LatentSampler {
    private final Denoiser model;
    private final NoiseSchedule schedule;
    private final Graphs graphs;
    private final TensorPool pool;

    LatentSampler(Denoiser model, NoiseSchedule schedule, Graphs graphs, TensorPool pool) {
        this.model = model;
        this.schedule = schedule;
        this.graphs = graphs;
        this.pool = pool;
    }

    /** Elements of one latent [C,H,W]. */
    int latentSize() {
        return model.inChannels() * model.inputSize() * model.inputSize();
    }

    SamplingPlan plan(Sampling sampling, GuidanceOptions guidance) {
        GuidedChannels exported = sampling.method() == Sampling.Method.DDPM
                ? guidance.channels()
                : ExportInfo.read(graphs.folder("guided_step")).guidedChannels();
        return SamplingPlan.of(model, schedule, sampling, guidance, exported);
    }

    /** Loads what the plan needs; how many rows a batch of {@code count} pictures has. */
    int rows(SamplingPlan plan, int count, int maxBatch) {
        graphs.get(GraphSignature.conditioner(model));
        int fixed = 0;
        if (plan.fusedSteps() > 0) {
            fixed = Math.max(fixed, batchOf(graphs.get(GraphSignature.guidedStep(model))));
        }
        if (plan.fusedSteps() < plan.size()) {
            fixed = Math.max(fixed, batchOf(graphs.get(GraphSignature.denoiser(model))));
        }
        if (fixed > 0) {
            return fixed;
        }
        int batches = (count + maxBatch - 1) / maxBatch;
        return (count + batches - 1) / batches;
    }

    private static int batchOf(Graph graph) {
        return graph.signature().inputs().get(0).shape().dim(0);
    }

    /**
     * One batch, filled up to {@code rows} where the graphs want a fixed number.
     *
     * @param labels of the pictures, at most {@code rows}
     * @return latents [n,C,H,W] of the pictures
     */
    float[] sample(SamplingPlan plan, List<Integer> labels, int rows, NoiseSource noise, SamplingLoop.Watch watch) {
        int[] classes = new int[rows];
        for (int i = 0; i < rows; i++) {
            classes[i] = labels.get(Math.min(i, labels.size() - 1));
        }
        try (TensorPool.Lease tensors = pool.lease()) {
            float[] sample = new float[rows * latentSize()];
            noise.start(sample);
            new SamplingLoop(model, graphs, plan, classes, tensors).run(sample, noise, watch);
            return Arrays.copyOf(sample, labels.size() * latentSize());
        }
    }
}
