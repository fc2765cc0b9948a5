package org.maskrt.perf.compare;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.TemporaryFolder;
import org.maskrt.perf.bench.Source;
import org.maskrt.perf.bench.Workload;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.PipelineOptions;

/** A variant of a model, ready to be run. */
public final class Variant implements AutoCloseable {
    private static final String ONNX = "onnx";
    private static final String TENSORRT = "onnx-tensorrt";

    private final VariantSpec spec;
    private final Source source;
    private final TemporaryFolder temporary;
    private final @Nullable Path onnx;
    private final @Nullable InputSpy spy;
    private final String backend;
    private final DiffusionPipeline pipeline;

    private Variant(VariantSpec spec, GuidedChannels guided, int maxBatch, Source source, TemporaryFolder temporary) {
        this.spec = spec;
        this.source = source;
        this.temporary = temporary;
        PipelineOptions options = PipelineOptions.DEFAULT
                .withBackend(spec.configuration().backend())
                .withThreads(spec.configuration().threads())
                .withMaxBatch(maxBatch);
        if (spec.configuration().isEager()) {
            onnx = null;
            spy = new InputSpy(new EagerBackend(source, guided), spec.model(), spec.model());
        } else if (spec.configuration().backend().equals(VariantSpec.ENGINES)) {
            onnx = spec.model().resolve(TENSORRT);
            spy = null;
        } else {
            onnx = graphs(guided);
            spy = new InputSpy(
                    Backend.named(options.backend(), options.threads()),
                    onnx,
                    spec.model().resolve(ONNX));
        }
        try {
            pipeline = spy == null
                    ? DiffusionPipeline.open(spec.model(), options)
                    : DiffusionPipeline.open(spec.model(), options, () -> spy);
            backend = spy == null ? VariantSpec.ENGINES : spy.description();
        } catch (RuntimeException e) {
            if (spy != null) {
                spy.close();
            }
            throw e;
        }
    }

    /**
     * Opens a variant; graphs that are exported for it are gone when it is closed.
     *
     * @param guided the channels that a {@code guided_step} guides that is made for it; null for those that the model's authors guide
     * @param maxBatch pictures that go through the model at once
     * @throws MaskRtException if model, graphs or backend do not work
     */
    public static Variant open(VariantSpec spec, @Nullable GuidedChannels guided, int maxBatch) {
        Source source = Source.open(spec.model().toString(), Workload.DEFAULT);
        TemporaryFolder temporary = TemporaryFolder.create("maskrt-compare");
        try {
            return new Variant(
                    spec, guided == null ? source.model().guidedChannels() : guided, maxBatch, source, temporary);
        } catch (RuntimeException e) {
            source.close();
            temporary.close();
            throw e;
        }
    }

    private Path graphs(GuidedChannels guided) {
        if (spec.graphs() == null) {
            return source.graphs(spec.configuration(), wanted(), temporary.path(), guided);
        }
        return spec.graphs();
    }

    /** The graphs from which pictures are made. */
    private Set<String> wanted() {
        Set<String> wanted = new LinkedHashSet<>(List.of("conditioner", "guided_step", "denoiser", "vae_decoder"));
        if (source.model() instanceof Emd3c) {
            wanted.addAll(List.of("ccnet", "vae_encoder"));
            try (ModelFolder files = ModelFolder.open(spec.model())) {
                wanted.addAll(files.imageEncoders().keySet());
            }
        }
        return wanted;
    }

    /** As it was named. */
    public String name() {
        return spec.text();
    }

    /** The model folder. */
    public Path model() {
        return spec.model();
    }

    /** How it runs, in full. */
    public Map<String, String> settings() {
        Map<String, String> settings = new TreeMap<>(
                onnx == null
                        ? spec.configuration().settings()
                        : spec.configuration().settings(onnx.resolve("guided_step")));
        settings.put("engine", backend);
        if (onnx != null) {
            settings.put("graphs", onnx.startsWith(temporary.path()) ? "exported for this" : onnx.toString());
        }
        if (spy != null && !spy.borrowed().isEmpty()) {
            settings.put("of " + spec.model().resolve(ONNX), String.join(", ", spy.borrowed()));
        }
        return settings;
    }

    /** Makes its pictures. */
    public DiffusionPipeline pipeline() {
        return pipeline;
    }

    Denoiser denoiser() {
        return source.model();
    }

    Source source() {
        return source;
    }

    /** What remembers the inputs of its graphs; null where they run on a device as a whole. */
    @Nullable
    InputSpy spy() {
        return spy;
    }

    /** Whether the queries in its graphs are divided by the square root of the width of a head already. */
    boolean scalesQueries() {
        return onnx != null && onnx.endsWith(TENSORRT);
    }

    /** Whether the values in its graphs are divided by factors that balance the channels of what {@code proj} reads. */
    boolean scalesValues() {
        Path report = onnx == null ? null : onnx.resolve("denoiser").resolve(OnnxExporter.REPORT);
        try {
            return report != null
                    && Files.isRegularFile(report)
                    && new ObjectMapper().readTree(report.toFile()).has("scales_sha256");
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    report + ": cannot be read: " + e.getMessage() + "; make it with `maskrt export`",
                    e);
        }
    }

    /** Its layers. */
    PathOutputs paths() {
        return onnx == null ? new EagerPaths(source) : new GraphPaths(source, onnx, scalesQueries());
    }

    /** @throws MaskRtException (USAGE) if the two do not draw the same */
    void requireAlike(Variant other) {
        Denoiser a = denoiser();
        Denoiser b = other.denoiser();
        boolean alike = a.inputSize() == b.inputSize()
                && a.inChannels() == b.inChannels()
                && a.hintChannels() == b.hintChannels()
                && a.numClasses() == b.numClasses()
                && a.conditionWidth() == b.conditionWidth()
                && pipeline.imageSize() == other.pipeline.imageSize();
        if (!alike) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    other.name() + ": expected a variant of " + name() + " ("
                            + describe(a, pipeline) + "), got another model (" + describe(b, other.pipeline)
                            + "); name two variants of one model");
        }
    }

    private static String describe(Denoiser model, DiffusionPipeline pipeline) {
        return model.getClass().getSimpleName() + ", latents " + model.inChannels() + " x " + model.inputSize() + " x "
                + model.inputSize() + ", pictures of " + pipeline.imageSize() + " pixels, "
                + (model.conditionWidth() > 0
                        ? "conditions of " + model.conditionWidth()
                        : model.numClasses() + " classes");
    }

    @Override
    public void close() {
        pipeline.close();
        source.close();
        temporary.close();
    }
}
