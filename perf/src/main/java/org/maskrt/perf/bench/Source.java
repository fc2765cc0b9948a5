package org.maskrt.perf.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.EagerJudge;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.Weights;
import org.maskrt.runtime.GraphSignature;

/** Where a model comes from: a preset with random weights, or a model folder. */
public final class Source implements AutoCloseable {
    private static final String VAE = "vae_";

    private final String name;
    private final Denoiser model;
    private final Weights weights;
    private final @Nullable ModelFolder folder;

    private Source(String name, Denoiser model, Weights weights, @Nullable ModelFolder folder) {
        this.name = name;
        this.model = model;
        this.weights = weights;
        this.folder = folder;
    }

    /**
     * Opens a model.
     *
     * @param name of a preset, or a model folder
     * @throws MaskRtException if it is neither
     */
    public static Source open(String name, Workload workload) {
        if (Presets.isName(name) && !Files.isDirectory(Path.of(name))) {
            Denoiser model = Presets.of(name, workload.inputSize());
            return new Source(name, model, RandomWeights.of(name, model, workload.seed()), null);
        }
        if (!Files.isDirectory(Path.of(name))) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    name
                            + ": expected a preset, a model folder, or an ONNX file; `maskrt inspect presets` lists the presets");
        }
        ModelFolder folder = ModelFolder.open(Path.of(name));
        return new Source(name, folder.denoiser(), folder.transformerWeights(), folder);
    }

    String name() {
        return name;
    }

    /** The denoiser. */
    public Denoiser model() {
        return model;
    }

    Weights weights() {
        return weights;
    }

    boolean isPreset() {
        return folder == null;
    }

    /** The model folder whose pictures can be generated from classes; null if there is none. */
    @Nullable
    Path generator() {
        return folder != null && folder.hasAutoencoder() && model.conditionWidth() == 0 ? folder.path() : null;
    }

    /** A model folder with these weights, for other programs: its own, or one written to {@code temporary}. */
    public Path folder(Path temporary) {
        if (folder != null) {
            return folder.path();
        }
        ModelFolder.write(
                temporary, new ModelFolder.Contents(model, weights, ScheduleConfig.linear(), Map.of()), DType.F32);
        return temporary;
    }

    /**
     * The graph of this name, guided as the model's authors guide it.
     *
     * @throws MaskRtException (USAGE) if the model has none
     */
    public Subject subject(String graph) {
        if (graph.startsWith(VAE) && folder != null) {
            return autoencoder(graph, folder.vae());
        }
        if (folder != null && folder.imageEncoders().containsKey(graph)) {
            Component<DinoV2> part = folder.imageEncoders().get(graph);
            int size = folder.pictureSize(part.model());
            int side = size / part.model().config().patchSize();
            return new Subject(
                    new ModelGraphs.ImageEncoder(part.model(), graph, size),
                    GraphSignature.imageEncoder(
                            graph, size, side * side, part.model().config().hiddenSize()),
                    part.weights());
        }
        return switch (graph) {
            case "transformer" -> denoiser(new ModelGraphs.Transformer(model), GraphSignature.transformer(model));
            case "conditioner" -> denoiser(new ModelGraphs.Conditioner(model), GraphSignature.conditioner(model));
            case "denoiser" -> denoiser(new ModelGraphs.Body(model), GraphSignature.denoiser(model));
            case "guided_step" ->
                denoiser(new ModelGraphs.GuidedStep(model, model.guidedChannels()), GraphSignature.guidedStep(model));
            default -> {
                if (graph.equals("inpaint") && model instanceof MdtDenoiser mdt && !isPreset()) {
                    yield denoiser(new ModelGraphs.Inpaint(mdt), GraphSignature.inpaint(mdt));
                }
                if (graph.equals("ccnet") && model instanceof Emd3c emd3c) {
                    yield denoiser(new ModelGraphs.CcNet(emd3c), GraphSignature.ccnet(emd3c));
                }
                throw new MaskRtException(
                        ExitCode.USAGE,
                        name
                                + ": expected --graph to name one of the model's graphs, such as guided_step, denoiser, transformer or"
                                + " conditioner, got '" + graph + "'");
            }
        };
    }

    private Subject denoiser(ModelGraph graph, GraphSignature signature) {
        return new Subject(graph, signature, weights);
    }

    private Subject autoencoder(String graph, Component<AutoencoderKl> vae) {
        int latent = model.inputSize();
        int channels = vae.model().config().latentChannels();
        int size = latent * vae.model().config().downsampling();
        return graph.equals("vae_encoder")
                ? new Subject(
                        new ModelGraphs.VaeEncoder(vae.model(), size),
                        GraphSignature.vaeEncoder(size, channels, latent),
                        vae.weights())
                : new Subject(
                        new ModelGraphs.VaeDecoder(vae.model(), size),
                        GraphSignature.vaeDecoder(size, channels, latent),
                        vae.weights());
    }

    /** {@link #graphs(Configuration, Set, Path, GuidedChannels)} guided as the model's authors guide it. */
    Path graphs(Configuration configuration, Set<String> wanted, Path temporary) {
        return graphs(configuration, wanted, temporary, model.guidedChannels());
    }

    /**
     * The folder of graphs for a configuration: the model folder's own, or exported ones, unless they are there already.
     *
     * @param wanted names of graphs
     * @param temporary where fresh ones go
     * @param guided the channels that a fresh {@code guided_step} guides
     */
    public Path graphs(Configuration configuration, Set<String> wanted, Path temporary, GuidedChannels guided) {
        if (folder != null && !configuration.exports()) {
            return folder.path().resolve("onnx");
        }
        GraphStyle style = configuration.style();
        Path onnx = temporary.resolve(style.precision() + "-" + style.attention());
        Set<String> made = new LinkedHashSet<>(wanted);
        if (made.contains(Workload.GUIDED_STEP)) {
            // by which ort-cpu runs it row by row on two cores, as it does for sampling
            made.add("denoiser");
        }
        if (made.stream().allMatch(graph -> Files.exists(onnx.resolve(graph)))) {
            return onnx;
        }
        ExportOptions options = ExportOptions.DEFAULT
                .withGuided(guided)
                .withStyle(style)
                .withGraphs(made)
                .withValidation(ExportOptions.Validation.off());
        OnnxExporter exporter = new OnnxExporter(options, EagerJudge.reference(), ExportListener.NONE);
        for (String graph : wanted) {
            if (subject(graph).graph() instanceof ModelGraphs.ImageEncoder encoder) {
                exporter.export(encoder, subject(graph).weights(), onnx);
            }
        }
        if (folder != null && folder.hasAutoencoder()) {
            AutoencoderKl vae = folder.autoencoder();
            exporter.export(vae, model.inputSize() * vae.config().downsampling(), folder.vaeWeights(), onnx);
        }
        exporter.export(model, weights, onnx);
        return onnx;
    }

    @Override
    public void close() {
        if (folder != null) {
            folder.close();
        }
    }
}
