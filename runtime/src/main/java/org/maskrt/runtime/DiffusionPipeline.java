package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;

/**
 * A model folder, ready to make pictures.
 *
 * <pre>{@code
 * try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
 *     GenerationResult result = pipeline.generate(GenerationRequest.of(List.of(207, 360))
 *             .with(Seeds.perImage(1))
 *             .with(new Guidance.PowerCosine(3.8, 4, 1000)));
 *     ImageIO.write(result.bufferedImage(0), "png", file);
 * }
 * }</pre>
 *
 * <p>Safe for several threads; each generation has its own tensors, so memory grows with the generations under way at once. Guided steps run
 * in the graph {@code guided_step}. A learned variance, guided channels other than those of that graph, and steps whose guidance can be
 * skipped run in the graph {@code denoiser} with guidance and update on the host, which is equal but for rounding; the result says how many
 * steps ran which way. The same request gives the same bytes on the same machine.
 */
public final class DiffusionPipeline implements AutoCloseable {
    private final Path folder;
    private final Model model;
    private final Generator generator;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;

    /**
     * What a pipeline knows of its model.
     *
     * @param vae absent in folders without an autoencoder, which give no pictures
     * @param classNames of some classes, all or none
     * @param imageEncoders that an E-MD3C's sources need
     */
    record Model(
            Denoiser denoiser,
            @Nullable AutoencoderKlConfig vae,
            NoiseSchedule schedule,
            SortedMap<Integer, String> classNames,
            List<ObjectConditions.ImageEncoder> imageEncoders) {}

    /** For tests and other sources of models: {@code folder} holds {@code onnx/}; the backend is closed with the pipeline. */
    DiffusionPipeline(Path folder, Model model, Backend backend, int maxBatch) {
        this.folder = folder;
        this.model = model;
        this.generator = new Generator(folder, model, backend, maxBatch);
    }

    /**
     * Opens a model folder with exported graphs; each graph is loaded when it is first needed.
     *
     * @throws MaskRtException if the folder or the backend does not work
     */
    public static DiffusionPipeline open(Path folder, PipelineOptions options) {
        return open(folder, options, () -> Backend.named(options.backend(), options.threads()));
    }

    /**
     * Opens a model folder on a backend of the caller's, which is made once the folder is read and closed with the pipeline.
     *
     * @throws MaskRtException if the folder or the backend does not work
     */
    public static DiffusionPipeline open(Path folder, PipelineOptions options, Supplier<Backend> made) {
        Model model = read(folder);
        Backend backend = made.get();
        try {
            int batch = MemoryNeeds.share(backend, folder, model, options);
            return new DiffusionPipeline(folder, model, backend, batch);
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    /** What a model folder says of its model. */
    static Model read(Path folder) {
        try (ModelFolder files = ModelFolder.open(folder)) {
            return new Model(
                    files.denoiser(),
                    files.hasAutoencoder() ? files.autoencoder().config() : null,
                    schedule(files.schedule()),
                    files.labels(),
                    imageEncoders(files));
        }
    }

    private static List<ObjectConditions.ImageEncoder> imageEncoders(ModelFolder files) {
        List<ObjectConditions.ImageEncoder> found = new ArrayList<>();
        files.imageEncoders().forEach((name, part) -> {
            int size = files.pictureSize(part.model());
            int side = size / part.model().config().patchSize();
            found.add(new ObjectConditions.ImageEncoder(
                    name, part.model().config().hiddenSize(), size, side * side));
        });
        return found;
    }

    private static NoiseSchedule schedule(ScheduleConfig config) {
        return config.betaSchedule() == ScheduleConfig.BetaSchedule.COSINE
                ? NoiseSchedule.cosine(config.numTrainTimesteps())
                : NoiseSchedule.linear(config.numTrainTimesteps(), config.betaStart(), config.betaEnd());
    }

    /** How the device's memory is shared and why, a line each; empty where no budget was given. */
    public List<String> memoryChoices() {
        return generator.memoryChoices();
    }

    /** The model's sizes. */
    public Denoiser model() {
        return model.denoiser();
    }

    /**
     * Height and width of the pictures.
     *
     * @throws MaskRtException if the folder has no autoencoder
     */
    public int imageSize() {
        return model.denoiser().inputSize() * generator.requireVae().downsampling();
    }

    /** The noise that the model was trained with. */
    public NoiseSchedule schedule() {
        return model.schedule();
    }

    /** Names of classes by index; those of some classes may be missing. */
    public SortedMap<Integer, String> classNames() {
        return model.classNames();
    }

    /**
     * The class of a name, or of a number.
     *
     * @throws MaskRtException (USAGE) if there is no such class
     */
    public int classIndex(String nameOrNumber) {
        if (nameOrNumber.matches("-?\\d{1,9}")) {
            int index = Integer.parseInt(nameOrNumber);
            requireClass(index, model.denoiser().numClasses() - 1);
            return index;
        }
        return model.classNames().entrySet().stream()
                .filter(e -> e.getValue().equalsIgnoreCase(nameOrNumber))
                .findFirst()
                .orElseThrow(() -> new MaskRtException(
                        ExitCode.USAGE,
                        folder + ": there is no class " + nameOrNumber + "; expected "
                                + (model.classNames().isEmpty()
                                        ? ""
                                        : "one of " + model.classNames().values() + " or ")
                                + "a number from 0 to " + (model.denoiser().numClasses() - 1)))
                .getKey();
    }

    private void requireClass(int index, int last) {
        if (index < 0 || index > last) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected a class from 0 to " + last + ", got " + index
                            + "; `maskrt inspect` lists the classes");
        }
    }

    /** {@link #generate(GenerationRequest, ProgressListener, Cancellation)} in silence. */
    public GenerationResult generate(GenerationRequest request) {
        return generate(request, ProgressListener.NONE, new Cancellation());
    }

    /**
     * Makes the pictures of a request.
     *
     * @throws MaskRtException USAGE if the request does not fit the model; INTERRUPTED if it was cancelled or the thread interrupted;
     *     NOT_FINITE if NaN or infinity appears; FAILURE if a graph is missing or the pipeline closed
     */
    public GenerationResult generate(GenerationRequest request, ProgressListener listener, Cancellation cancellation) {
        lock.readLock().lock();
        try {
            requireOpen();
            return run(work(request), new Progress(listener, cancellation));
        } finally {
            lock.readLock().unlock();
        }
    }

    /** All of a request's work, in batches of its own. */
    private <R> R run(Work<R> work, Progress progress) {
        LatentSampler sampler =
                generator.sampler(work.sampling(), work.noises().guidance(), SamplingPlan.Network.DENOISER);
        float[] latents = generator.latents(work.noises(), sampler, work.source(), progress);
        return work.finish().of(latents, progress, sampler.fusedSteps(), sampler.steps());
    }

    private Work<GenerationResult> work(GenerationRequest request) {
        requireLabels(request.labels());
        int count = request.labels().size();
        return new Work<>(
                request.sampling(),
                new Generator.Noises(request.seeds(), request.guidance(), count),
                Batch.classes(model.denoiser(), request.labels(), null),
                (latents, progress, fusedSteps, steps) -> result(request, latents, progress, fusedSteps, steps));
    }

    /** {@link #customize(CustomizationRequest, ProgressListener, Cancellation)} in silence. */
    public CustomizationResult customize(CustomizationRequest request) {
        return customize(request, ProgressListener.NONE, new Cancellation());
    }

    /**
     * Draws objects into scenes, by an E-MD3C. Features of object and box are computed once for each pair; outside the boxes the scenes stay as they
     * are.
     *
     * @throws MaskRtException as {@link #generate(GenerationRequest, ProgressListener, Cancellation)}; USAGE too if a box is not inside its scene or
     *     an object's mask does not fit it
     */
    public CustomizationResult customize(
            CustomizationRequest request, ProgressListener listener, Cancellation cancellation) {
        lock.readLock().lock();
        try {
            requireOpen();
            Progress progress = new Progress(listener, cancellation);
            return run(work(request), progress);
        } finally {
            lock.readLock().unlock();
        }
    }

    private Work<CustomizationResult> work(CustomizationRequest request) {
        if (!(model.denoiser() instanceof Emd3c emd3c)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected an E-MD3C to draw objects into scenes, received "
                            + model.denoiser().getClass().getSimpleName() + "; use `maskrt sample`");
        }
        List<Customization> pairs = request.pairs();
        if (pairs.isEmpty()) {
            throw new MaskRtException(ExitCode.USAGE, folder + ": expected at least one object and scene, got none");
        }
        Encoder encoder = generator.encoder();
        float[] vectors = generator.conditions(emd3c, encoder).of(pairs);
        float[] hints = encoder.encode(pairs.stream()
                .map(pair -> pair.placement().hint(pair.scene(), encoder.size()))
                .toList());
        return new Work<>(
                request.sampling(),
                new Generator.Noises(request.seeds(), request.guidance(), pairs.size()),
                Batch.vectors(emd3c, vectors, hints),
                (latents, progress, fusedSteps, steps) -> customized(request, latents, progress));
    }

    private CustomizationResult customized(CustomizationRequest request, float[] latents, Progress progress) {
        List<Customization> pairs = request.pairs();
        List<RgbImage> squares = generator.pictures(latents, pairs.size(), progress);
        List<RgbImage> images = new ArrayList<>();
        for (int i = 0; i < pairs.size(); i++) {
            images.add(pairs.get(i).placement().paste(pairs.get(i).scene(), squares.get(i)));
        }
        return new CustomizationResult(
                images,
                squares,
                request.seeds().of(pairs.size()),
                progress.timings(generator.peakMemory()),
                request,
                name(),
                generator.backend());
    }

    /** The pictures of a request as a job for a batch that runs; the graphs that it needs are loaded. */
    BatchJob<GenerationResult> job(GenerationRequest request, ProgressListener listener) {
        lock.readLock().lock();
        try {
            requireOpen();
            return job(work(request), listener);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** The pictures of a request as a job for a batch that runs; objects and scenes are encoded, and the graphs that it needs loaded. */
    BatchJob<CustomizationResult> job(CustomizationRequest request, ProgressListener listener) {
        lock.readLock().lock();
        try {
            requireOpen();
            return job(work(request), listener);
        } finally {
            lock.readLock().unlock();
        }
    }

    private <R> BatchJob<R> job(Work<R> work, ProgressListener listener) {
        SamplingPlan plan = generator.runningPlan(work.sampling(), work.noises());
        return new BatchJob<>(work, plan, listener, LatentSampler.size(model.denoiser()));
    }

    /** An empty batch on this pipeline's graphs. */
    RunningBatch runningBatch() {
        return generator.runningBatch();
    }

    int maxBatch() {
        return generator.maxBatch();
    }

    /** Paints the hidden part of a picture: {@link #inpaint(InpaintRequest, ProgressListener, Cancellation)} in silence. */
    public GenerationResult inpaint(InpaintRequest request) {
        return inpaint(request, ProgressListener.NONE, new Cancellation());
    }

    /**
     * Paints the hidden part of a picture, once for each label of the request. The pixels that the mask leaves are those of the picture, exactly.
     *
     * @throws MaskRtException as {@link #generate(GenerationRequest, ProgressListener, Cancellation)}; USAGE too if picture and mask do not fit
     *     the model, or the mask hides nothing or leaves nothing
     */
    public GenerationResult inpaint(InpaintRequest request, ProgressListener listener, Cancellation cancellation) {
        lock.readLock().lock();
        try {
            requireOpen();
            requireLabels(request.generation().labels());
            boolean interpolates = request.method() == InpaintRequest.Method.SIDE_INTERPOLATER;
            if (interpolates && !(model.denoiser() instanceof MdtDenoiser)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        folder + ": expected a model with a side-interpolater (MDT) to inpaint with, received "
                                + model.denoiser().getClass().getSimpleName() + "; use the method "
                                + InpaintRequest.Method.REPLACE.label());
            }
            GenerationRequest generation = request.generation();
            LatentSampler sampler = generator.sampler(
                    generation.sampling(),
                    generation.guidance(),
                    interpolates ? SamplingPlan.Network.INPAINT : SamplingPlan.Network.DENOISER);
            Known known = request.known(generator.encoder(), model.denoiser());
            int count = generation.labels().size();
            Progress progress = new Progress(listener, cancellation);
            float[] latents = generator.latents(
                    new Generator.Noises(generation.seeds(), generation.guidance(), count),
                    sampler,
                    Batch.classes(model.denoiser(), generation.labels(), known),
                    progress);
            GenerationResult result = result(generation, latents, progress, sampler.fusedSteps(), sampler.steps());
            return result.withImages(
                    result.images().stream().map(request::around).toList());
        } finally {
            lock.readLock().unlock();
        }
    }

    private void requireLabels(List<Integer> labels) {
        if (model.denoiser().conditionWidth() > 0) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected a model of classes (DiT, MDT, MaskDiT), received "
                            + model.denoiser().getClass().getSimpleName()
                            + ", which draws an object into a scene; use `maskrt customize`");
        }
        if (labels.isEmpty()) {
            throw new MaskRtException(ExitCode.USAGE, folder + ": expected at least one class to generate, got none");
        }
        labels.forEach(label -> requireClass(label, model.denoiser().numClasses() - 1));
    }

    private GenerationResult result(
            GenerationRequest request, float[] latents, Progress progress, int fusedSteps, int steps) {
        int count = request.labels().size();
        List<RgbImage> images = generator.pictures(latents, count, progress);
        return new GenerationResult(
                images,
                request.seeds().of(count),
                request.keepLatents() ? latentTensor(latents, count) : null,
                progress.timings(generator.peakMemory()),
                new GenerationResult.Provenance(request, name(), generator.backend(), fusedSteps, steps));
    }

    private String name() {
        return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    }

    private Tensor latentTensor(float[] latents, int count) {
        Denoiser d = model.denoiser();
        return Tensor.of(latents, count, d.inChannels(), d.inputSize(), d.inputSize());
    }

    /**
     * The latents [n,C,H,W] after each step of a run whose noise is given. The null class may be among the labels.
     *
     * @throws MaskRtException as {@link #generate(GenerationRequest)}
     */
    public List<float[]> trajectory(Trajectory run) {
        lock.readLock().lock();
        try {
            requireOpen();
            run.labels().forEach(label -> requireClass(label, model.denoiser().numClasses()));
            SamplingPlan plan = generator.plan(run.sampling(), run.guidance(), SamplingPlan.Network.DENOISER);
            LatentSampler sampler = generator.sampler(plan);
            int size = run.labels().size() * LatentSampler.size(model.denoiser());
            requireLength("start", run.start(), size);
            requireLength("stepNoise", run.stepNoise(), plan.size() * size);
            List<float[]> latents = new ArrayList<>();
            trajectory(
                    sampler,
                    Batch.classes(model.denoiser(), run.labels(), null),
                    new NoiseSource.Rows(0, run.labels().size(), run.labels().size()),
                    NoiseSource.given(run.start(), run.stepNoise()),
                    (i, sample) -> latents.add(sample.clone()));
            return latents;
        } finally {
            lock.readLock().unlock();
        }
    }

    /**
     * Runs the steps of a request, all of its pictures in one batch, without decoding them.
     *
     * @throws MaskRtException as {@link #generate(GenerationRequest)}; USAGE too if the graphs take no batch of that size
     */
    public void trajectory(GenerationRequest request, LatentListener listener) {
        lock.readLock().lock();
        try {
            requireOpen();
            trajectory(work(request), listener);
        } finally {
            lock.readLock().unlock();
        }
    }

    /**
     * Runs the steps of a request, all of its results in one batch, without decoding them.
     *
     * @throws MaskRtException as {@link #customize(CustomizationRequest)}; USAGE too if the graphs take no batch of that size
     */
    public void trajectory(CustomizationRequest request, LatentListener listener) {
        lock.readLock().lock();
        try {
            requireOpen();
            trajectory(work(request), listener);
        } finally {
            lock.readLock().unlock();
        }
    }

    private void trajectory(Work<?> work, LatentListener listener) {
        LatentSampler sampler =
                generator.sampler(work.sampling(), work.noises().guidance(), SamplingPlan.Network.DENOISER);
        NoiseSource.Rows all = new NoiseSource.Rows(0, work.count(), work.count());
        NoiseSource noise = work.noises().of(all, LatentSampler.size(model.denoiser()));
        trajectory(sampler, work.source(), all, noise, listener);
    }

    private void trajectory(
            LatentSampler sampler,
            Batch.Source source,
            NoiseSource.Rows all,
            NoiseSource noise,
            LatentListener listener) {
        int count = all.count();
        int rows = sampler.rows(count, count);
        if (rows < count) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": the graphs were exported for batches of " + rows + ", got a trajectory of " + count
                            + "; export with a dynamic batch");
        }
        int size = count * LatentSampler.size(model.denoiser());
        SamplingLoop.Watch watch = new SamplingLoop.Watch() {
            @Override
            public void conditioned(int steps) {}

            @Override
            public void stepped(int i, float[] sample) {
                float[] pictures = Arrays.copyOf(sample, size);
                listener.stepped(i, pictures);
                System.arraycopy(pictures, 0, sample, 0, size);
            }

            @Override
            public boolean changes() {
                return true;
            }
        };
        sampler.sample(source.rows(0, count, rows), noise, watch);
    }

    private static void requireLength(String name, float[] values, int expected) {
        if (values.length != expected) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "trajectory: expected " + expected + " values of " + name + ", got " + values.length);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new MaskRtException(ExitCode.FAILURE, folder + ": the pipeline is closed; open it again");
        }
    }

    /** Waits for generations under way, then frees the graphs; closing again does nothing. */
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                generator.close();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }
}
