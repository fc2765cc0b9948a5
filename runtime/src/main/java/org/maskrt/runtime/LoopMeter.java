package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.runtime.device.MemoryUse;

/**
 * Measures the loop of a model folder on its device. Every step is guided: DDIM, a constant weight on the channels that the model's authors guide,
 * random conditions, one engine run for both halves.
 */
public final class LoopMeter implements AutoCloseable {
    private static final double WEIGHT = 1.5;
    private static final long SEED = 1;

    private static final SamplingLoop.Watch UNWATCHED = new SamplingLoop.Watch() {
        @Override
        public void conditioned(int steps) {}

        @Override
        public void stepped(int i, float[] sample) {}

        @Override
        public boolean looks() {
            return false;
        }
    };

    private final Path folder;
    private final DiffusionPipeline.Model model;
    private final DeviceBackend device;
    private final Generator generator;
    private final DeviceSampler sampler;
    private final MemoryUse idle;

    /** Takes over the device. */
    LoopMeter(Path folder, DiffusionPipeline.Model model, DeviceBackend device, PipelineOptions options, int steps) {
        this.folder = folder;
        this.model = model;
        this.device = device;
        this.idle = device.peakMemory();
        int batch = MemoryNeeds.share(device, folder, model, options);
        this.generator = new Generator(folder, model, device, batch);
        SamplingPlan plan = generator.plan(
                Sampling.ddim(Integer.toString(steps)),
                new GuidanceOptions(
                        new Guidance.Constant(WEIGHT), model.denoiser().guidedChannels(), 0),
                SamplingPlan.Network.DENOISER);
        if (plan.fusedSteps() < plan.size()
                || !(generator.sampler(plan) instanceof DeviceSampler onDevice)
                || Sampling.methodOf(model.denoiser()) == Sampling.Method.HEUN) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder
                            + ": expected a DiT, an MDT or an E-MD3C whose guided_step guides the channels that its authors"
                            + " do, received a " + model.denoiser().getClass().getSimpleName()
                            + "; export again without --guided-channels");
        }
        this.sampler = onDevice;
    }

    /**
     * Opens a folder with engines on TensorRT.
     *
     * @param options of which the backend is left out
     * @param steps of a generation
     * @throws MaskRtException (ENVIRONMENT) if a library, the driver or a GPU is missing; (USAGE) if the memory budget is too small, or the model is
     *     not sampled by DDIM
     */
    public static LoopMeter open(Path folder, PipelineOptions options, int steps) {
        DiffusionPipeline.Model model = DiffusionPipeline.read(folder);
        DeviceBackend device = DeviceBackend.tensorRt();
        try {
            return new LoopMeter(folder, model, device, options, steps);
        } catch (RuntimeException e) {
            device.close();
            throw e;
        }
    }

    /**
     * A generation, from noise on the host to the result on the host.
     *
     * @param denoiseMillis all conditions and steps, by the host's clock
     * @param decodeMillis latents to pictures; null where the folder has no autoencoder
     */
    public record Generation(double denoiseMillis, @Nullable Double decodeMillis) {}

    /** What runs the steps, and the device. */
    public String description() {
        return device.description();
    }

    /** How the memory is shared and why; empty where no budget was given. */
    public List<String> memoryChoices() {
        return device.plan().reasons();
    }

    /** What was in use on the device when it was opened: the driver's context, and other programs. */
    public MemoryUse idle() {
        return idle;
    }

    /** The most that was in use on the device since. */
    public MemoryUse peak() {
        return device.peakMemory();
    }

    /**
     * A generation of {@code batch} pictures; the first loads engines and records the step.
     *
     * @throws MaskRtException (USAGE) if the engines take no such batch
     */
    public Generation generation(int batch) {
        Batch conditions = conditions(batch);
        long started = System.nanoTime();
        float[] latents = sampler.sample(conditions, noise(batch), UNWATCHED);
        double denoised = (System.nanoTime() - started) / 1e6;
        if (model.vae() == null) {
            return new Generation(denoised, null);
        }
        started = System.nanoTime();
        int decoded = generator.decoder().decode(latents, batch, done -> {}).size();
        if (decoded != batch) {
            throw new IllegalStateException(decoded + " pictures of " + batch);
        }
        return new Generation(denoised, (System.nanoTime() - started) / 1e6);
    }

    /**
     * The steps of a generation of {@code batch} pictures, one given right after the other: milliseconds of each by the device's own clock.
     *
     * @throws MaskRtException (USAGE) if the engines take no such batch
     */
    public List<Double> steps(int batch) {
        return sampler.time(conditions(batch), noise(batch));
    }

    private Batch conditions(int batch) {
        int rows = sampler.rows(batch, batch);
        if (rows != batch) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected engines for a batch of " + batch + ", received some for " + rows
                            + "; build them with `maskrt build --batch MIN:OPT:MAX`");
        }
        Denoiser denoiser = model.denoiser();
        if (denoiser.conditionWidth() == 0) {
            List<Integer> labels = IntStream.range(0, batch)
                    .map(i -> i % denoiser.numClasses())
                    .boxed()
                    .toList();
            return Batch.classes(denoiser, labels, null).rows(0, batch, batch);
        }
        Random random = new Random(SEED);
        int hint = denoiser.hintChannels() * denoiser.inputSize() * denoiser.inputSize();
        return Batch.vectors(denoiser, normal(random, batch * denoiser.conditionWidth()), normal(random, batch * hint))
                .rows(0, batch, batch);
    }

    private static float[] normal(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private NoiseSource noise(int batch) {
        return NoiseSource.perImage(
                LongStream.range(0, batch).map(i -> SEED + i).boxed().toList(), LatentSampler.size(model.denoiser()));
    }

    @Override
    public void close() {
        generator.close();
    }
}
