package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.HeunSampler;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.runtime.device.MemoryUse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What every job of a pipeline is made of: samplers, latents from noise, pictures from latents and back. */
final class Generator implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Generator.class);

    private final Path folder;
    private final DiffusionPipeline.Model model;
    private final int maxBatch;
    private final Graphs graphs;
    private final TensorPool pool;

    /** On the graphs of a model folder; the backend is closed with this. */
    Generator(Path folder, DiffusionPipeline.Model model, Backend backend, int maxBatch) {
        this.folder = folder;
        this.model = model;
        this.maxBatch = maxBatch;
        this.graphs = new Graphs(backend, folder);
        this.pool = new TensorPool(backend);
    }

    String backend() {
        return graphs.backend().description();
    }

    /** The most memory that the device had in use; null where there is none. */
    @Nullable
    MemoryUse peakMemory() {
        return graphs.backend().peakMemory();
    }

    /** How the device's memory is shared and why. */
    List<String> memoryChoices() {
        return graphs.backend() instanceof DeviceBackend device ? device.plan().reasons() : List.of();
    }

    /**
     * The sampler of a request.
     *
     * @throws MaskRtException (USAGE) if it does not fit the model
     */
    LatentSampler sampler(Sampling sampling, GuidanceOptions guidance, SamplingPlan.Network network) {
        Denoiser denoiser = model.denoiser();
        boolean heun = sampling.method() == Sampling.Method.HEUN;
        if (heun != denoiser instanceof MaskDit) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": the sampler " + sampling.method().label() + " does not fit a "
                            + denoiser.getClass().getSimpleName() + "; use --sampler "
                            + Sampling.methodOf(denoiser).label());
        }
        return denoiser instanceof MaskDit maskDit
                ? edm(maskDit, sampling, guidance)
                : sampler(plan(sampling, guidance, network));
    }

    private LatentSampler edm(MaskDit maskDit, Sampling sampling, GuidanceOptions guidance) {
        if (!sampling.steps().matches("\\d{1,5}")) {
            throw new MaskRtException(
                    ExitCode.USAGE, "the sampler heun takes a number of steps, got '" + sampling.steps() + "'");
        }
        if (!(guidance.guidance() instanceof Guidance.Constant constant)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "the sampler heun has noise levels, not timesteps, and its guidance is constant; use --guidance constant");
        }
        HeunSampler heun = HeunSampler.of(Integer.parseInt(sampling.steps()));
        return new EdmSampler(maskDit, heun, new EdmSampler.Guided(constant.scale(), guidance.reuse()), graphs, pool);
    }

    SamplingPlan plan(Sampling sampling, GuidanceOptions guidance, SamplingPlan.Network network) {
        boolean fusible = sampling.method() != Sampling.Method.DDPM
                && network == SamplingPlan.Network.DENOISER
                && guidance.reuse() == 0;
        GuidedChannels exported =
                fusible ? graphs.backend().guidedChannels(graphs.folder("guided_step")) : guidance.channels();
        return SamplingPlan.of(model.denoiser(), model.schedule(), sampling, guidance, network, exported);
    }

    /** The steps of a plan. */
    LatentSampler sampler(SamplingPlan plan) {
        if (graphs.backend() instanceof DeviceBackend device && plan.onDevice()) {
            return new DeviceSampler(model.denoiser(), fitted(plan), graphs, device);
        }
        return new PlannedSampler(model.denoiser(), plan, graphs, pool);
    }

    /** The plan as the graphs allow it that fit into the device's memory. */
    private SamplingPlan fitted(SamplingPlan plan) {
        boolean halves = !(graphs.backend() instanceof DeviceBackend device)
                || !plan.onDevice()
                || device.plan().halves();
        return halves ? plan : plan.fused();
    }

    /**
     * The plan of rows of a running batch, with all graphs loaded that it takes from noise to pictures.
     *
     * @throws MaskRtException (USAGE) if sampler or seeds do not fit, or the sampler has no timesteps
     */
    SamplingPlan runningPlan(Sampling sampling, Noises noises) {
        GuidanceOptions guidance = noises.guidance();
        noises.seeds().of(noises.count());
        LatentSampler alone = sampler(sampling, guidance, SamplingPlan.Network.DENOISER);
        if (alone instanceof EdmSampler) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected a sampler with timesteps (DiT, MDT, E-MD3C) to run in a batch with others,"
                            + " received heun, which a MaskDit has; use DiffusionPipeline.generate");
        }
        graphs.get(decoder().signature());
        SamplingPlan plan = fitted(plan(sampling, guidance, SamplingPlan.Network.DENOISER));
        new PlannedSampler(model.denoiser(), plan, graphs, pool).rows(1, maxBatch);
        return plan;
    }

    /** An empty batch of at most {@code maxBatch} rows. */
    RunningBatch runningBatch() {
        return new RunningBatch(model.denoiser(), graphs, pool, maxBatch);
    }

    int maxBatch() {
        return maxBatch;
    }

    /** The noise of {@code count} pictures. */
    record Noises(Seeds seeds, GuidanceOptions guidance, int count) {
        NoiseSource of(NoiseSource.Rows rows, int size) {
            List<Long> values = seeds.of(count);
            return seeds.rng() == Seeds.Rng.PER_IMAGE
                    ? NoiseSource.perImage(values.subList(rows.from(), rows.to()), size)
                    : NoiseSource.torchCpu(
                            values.get(0), rows, !guidance.guidance().equals(Guidance.none()), size);
        }
    }

    /** The latents [n,C,H,W] of the pictures of a source, in as many batches as it takes. */
    float[] latents(Noises noises, LatentSampler sampler, Batch.Source source, Progress progress) {
        int count = noises.count();
        noises.seeds().of(count);
        Decoder decoder = decoder();
        int rows = sampler.rows(count, maxBatch);
        graphs.get(decoder.signature());
        progress.loaded((count + rows - 1) / rows, sampler.steps());
        LOG.debug("{} of {} steps run as one graph, in batches of {}", sampler.fusedSteps(), sampler.steps(), rows);
        int size = LatentSampler.size(model.denoiser());
        float[] latents = new float[Math.multiplyExact(count, size)];
        for (int from = 0; from < count; from += rows) {
            NoiseSource.Rows part = new NoiseSource.Rows(from, Math.min(from + rows, count), count);
            float[] batch = sampler.sample(source.rows(part.from(), part.to(), rows), noises.of(part, size), progress);
            System.arraycopy(batch, 0, latents, from * size, part.count() * size);
        }
        return latents;
    }

    List<RgbImage> pictures(float[] latents, int count, Progress progress) {
        return decoder().decode(latents, count, done -> progress.decoded(done, count));
    }

    AutoencoderKlConfig requireVae() {
        if (model.vae() == null) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder
                            + ": expected an autoencoder (vae), found none; add the one that the transformer was trained on");
        }
        return model.vae();
    }

    /** Latents to pictures. */
    Decoder decoder() {
        return new Decoder(graphs, pool, requireVae(), model.denoiser().inputSize());
    }

    /** Pictures to latents. */
    Encoder encoder() {
        return new Encoder(graphs, pool, requireVae(), model.denoiser().inputSize());
    }

    /**
     * What an E-MD3C is told of objects and boxes.
     *
     * @throws MaskRtException if the folder has no image encoder for one of its sources
     */
    ObjectConditions conditions(Emd3c emd3c, Encoder encoder) {
        return new ObjectConditions(emd3c, graphs, pool, encoder, model.imageEncoders());
    }

    @Override
    public void close() {
        pool.close();
        graphs.close();
    }
}
