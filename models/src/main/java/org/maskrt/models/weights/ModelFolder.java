package org.maskrt.models.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.vae.AutoencoderKl;

/**
 * What every command reads and writes, laid out as diffusers does:
 *
 * <pre>
 * model_index.json                  the pipeline's class and parts, and the names of the classes (id2label)
 * transformer/config.json           the sizes of the denoiser
 * transformer/diffusion_pytorch_model.safetensors
 * scheduler/scheduler_config.json   the noise it was trained with
 * vae/config.json                   the autoencoder, if there is one
 * vae/diffusion_pytorch_model.safetensors
 * image_encoder/config.json         a DINOv2, if the denoiser's condition is features of pictures
 * image_encoder/model.safetensors
 * image_encoder_2/...               a second one
 * </pre>
 *
 * <p>Opening checks that all of it fits together; the values of the weights are left to {@link #requireFinite}.
 */
public final class ModelFolder implements AutoCloseable {
    /**
     * What a folder is made of.
     *
     * @param denoiser of any family
     * @param weights of the denoiser
     * @param schedule the noise it was trained with
     * @param labels names of classes by index, of some, all or none
     */
    public record Contents(Denoiser denoiser, Weights weights, ScheduleConfig schedule, Map<Integer, String> labels) {}

    private static final String INDEX = "model_index.json";
    private static final String PIPELINE = "Pipeline";
    private static final String[] PIPELINES = {
        Component.DIT + PIPELINE, Component.MDT + PIPELINE, Component.EMD3C + PIPELINE, Component.MASKDIT + PIPELINE
    };
    private static final String SCHEDULE = "NoiseSchedule";
    private static final String SCHEDULER_CONFIG = "scheduler_config.json";
    private static final String LABELS = "id2label";
    private static final String LIBRARY = "maskrt";
    private static final List<String> IMAGE_ENCODERS = List.of("image_encoder", "image_encoder_2");

    private final Path path;
    private final Component<Denoiser> transformer;
    private final @Nullable Component<AutoencoderKl> vae;
    private final SortedMap<String, Component<DinoV2>> imageEncoders;
    private final ScheduleConfig schedule;
    private final SortedMap<Integer, String> labels;
    private final List<String> warnings = new ArrayList<>();

    private ModelFolder(Path path, ConfigFile index, Parts parts) {
        this.path = path;
        this.transformer = parts.transformer;
        this.vae = parts.vae;
        this.imageEncoders = Collections.unmodifiableSortedMap(parts.imageEncoders);
        warnings.addAll(index.warnings());
        parts.all().forEach(part -> warnings.addAll(part.warnings()));
        if (vae != null) {
            requireLatents(vae.path().toString(), vae.model(), transformer.model());
        }
        schedule = schedule(SafeFolder.inside(path, "scheduler"));
        labels = labels(index, transformer.model().numClasses());
    }

    /**
     * Opens a model folder.
     *
     * @throws MaskRtException if files are missing or malformed, or do not fit together
     */
    public static ModelFolder open(Path folder) {
        ConfigFile index = ConfigFile.read(SafeFolder.inside(folder, INDEX), PIPELINES);
        index.className(PIPELINES);
        Set<String> unknown = new TreeSet<>();
        index.node().fieldNames().forEachRemaining(unknown::add);
        unknown.removeIf(name -> name.startsWith("_"));
        unknown.removeAll(Set.of("transformer", "vae", "scheduler", LABELS));
        unknown.removeAll(IMAGE_ENCODERS);
        index.unknown(unknown);
        for (String part : List.of("transformer", "scheduler")) {
            if (!hasPart(index, part)) {
                throw index.refuse("the part '" + part + "' is missing; add it");
            }
        }
        Parts parts = new Parts(Component.openDenoiser(SafeFolder.inside(folder, "transformer")));
        try {
            if (hasPart(index, "vae")) {
                parts.vae = Component.openAutoencoder(SafeFolder.inside(folder, "vae"));
            }
            for (String part : IMAGE_ENCODERS) {
                if (hasPart(index, part)) {
                    parts.imageEncoders.put(part, Component.openImageEncoder(SafeFolder.inside(folder, part)));
                }
            }
            return new ModelFolder(folder, index, parts);
        } catch (RuntimeException e) {
            parts.all().forEach(Component::close);
            throw e;
        }
    }

    /** What is open already. */
    private static final class Parts {
        final Component<Denoiser> transformer;
        final SortedMap<String, Component<DinoV2>> imageEncoders = new TreeMap<>();

        @Nullable
        Component<AutoencoderKl> vae;

        Parts(Component<Denoiser> transformer) {
            this.transformer = transformer;
        }

        List<Component<?>> all() {
            List<Component<?>> all = new ArrayList<>(List.of(transformer));
            if (vae != null) {
                all.add(vae);
            }
            all.addAll(imageEncoders.values());
            return all;
        }
    }

    /**
     * Requires the latents of {@code vae} to be those that {@code denoiser} was trained on.
     *
     * @param where the autoencoder, for the message
     * @throws MaskRtException (FAILURE) if they are not
     */
    public static void requireLatents(String where, AutoencoderKl vae, Denoiser denoiser) {
        int latent = vae.config().latentChannels();
        if (latent != denoiser.inChannels()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    where + ": expected an autoencoder with the " + denoiser.inChannels()
                            + " latent channels of the transformer, found " + latent
                            + "; use the autoencoder that it was trained on");
        }
    }

    /** Parts are pairs of library and class; diffusers writes nulls for those that are not there. */
    private static boolean hasPart(ConfigFile index, String name) {
        JsonNode part = index.node().path(name);
        if (part.isMissingNode() || (part.size() == 2 && part.path(0).isNull())) {
            return false;
        }
        if (part.size() != 2 || !part.path(0).isTextual() || !part.path(1).isTextual()) {
            throw index.refuse("expected '" + name + "' to be a pair [library, class], received "
                    + Text.oneLine(part.toString()) + "; correct it");
        }
        return true;
    }

    private ScheduleConfig schedule(Path folder) {
        ConfigFile config = ConfigFile.read(SafeFolder.inside(folder, SCHEDULER_CONFIG), SCHEDULE);
        ObjectNode defaults = Json.MAPPER.valueToTree(ScheduleConfig.linear());
        ScheduleConfig read = config.as(ScheduleConfig.class, fixedSchedule(config.isForeign()), defaults);
        warnings.addAll(config.warnings());
        return read;
    }

    private static ObjectNode fixedSchedule(boolean foreign) {
        ObjectNode fixed = Json.object().put("prediction_type", "epsilon");
        if (foreign) {
            // diffusers' samplers clip unless told otherwise; that is theirs, not the model's, and stays out.
            fixed.putNull("trained_betas");
            fixed.put("rescale_betas_zero_snr", false);
        } else {
            fixed.put("clip_sample", false);
        }
        return fixed;
    }

    private static SortedMap<Integer, String> labels(ConfigFile index, int numClasses) {
        SortedMap<Integer, String> labels = new TreeMap<>();
        JsonNode node = index.node().path(LABELS);
        if (!node.isMissingNode() && !node.isObject()) {
            throw index.refuse("expected '" + LABELS + "' to be an object of indices and names, received "
                    + Text.oneLine(node.toString()) + "; correct it");
        }
        for (var entry : node.properties()) {
            String key = entry.getKey();
            if (!key.matches("0|[1-9]\\d{0,8}")
                    || Integer.parseInt(key) >= numClasses
                    || !entry.getValue().isTextual()) {
                throw index.refuse("expected '" + LABELS + "' to give names to indices from 0 to " + (numClasses - 1)
                        + ", received " + Text.quote(key) + ": "
                        + Text.oneLine(entry.getValue().toString()) + "; correct it");
            }
            labels.put(Integer.parseInt(key), entry.getValue().textValue());
        }
        return Collections.unmodifiableSortedMap(labels);
    }

    /** The folder. */
    public Path path() {
        return path;
    }

    /** The denoiser with its weights. */
    public Component<Denoiser> transformer() {
        return transformer;
    }

    public boolean hasAutoencoder() {
        return vae != null;
    }

    /**
     * The autoencoder with its weights.
     *
     * @throws MaskRtException if the folder has none
     */
    public Component<AutoencoderKl> vae() {
        if (vae == null) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    path
                            + ": expected an autoencoder (vae), found none; add the one that the transformer was trained on");
        }
        return vae;
    }

    /** The image encoders with their weights, by the names of their parts; none as a rule. */
    public SortedMap<String, Component<DinoV2>> imageEncoders() {
        return imageEncoders;
    }

    /**
     * The height and width of the pictures that {@code encoder} is given: those that make the tokens that an E-MD3C was trained with, of any other
     * model those that the encoder's positions were trained with.
     *
     * @throws MaskRtException if the tokens of an E-MD3C are no square of patches
     */
    public int pictureSize(DinoV2 encoder) {
        if (denoiser() instanceof Emd3c emd3c) {
            for (Emd3cConfig.Source source : emd3c.config().sources()) {
                if (source.kind() == Emd3cConfig.Kind.FEATURE
                        && source.width() == encoder.config().hiddenSize()) {
                    int side = (int) Math.round(Math.sqrt(source.tokens() - 1.0));
                    if (side * side != source.tokens() - 1 || side == 0) {
                        throw new MaskRtException(
                                ExitCode.FAILURE,
                                path + ": expected the source '" + source.name()
                                        + "' to have a class token and a square of patches, found " + source.tokens()
                                        + " tokens; correct transformer/config.json");
                    }
                    return side * encoder.config().patchSize();
                }
            }
        }
        return encoder.config().imageSize();
    }

    public Denoiser denoiser() {
        return transformer.model();
    }

    public Weights transformerWeights() {
        return transformer.weights();
    }

    /**
     * The autoencoder.
     *
     * @throws MaskRtException if the folder has none
     */
    public AutoencoderKl autoencoder() {
        return vae().model();
    }

    /**
     * The autoencoder's weights.
     *
     * @throws MaskRtException if the folder has none
     */
    public Weights vaeWeights() {
        return vae().weights();
    }

    /** The noise that the model was trained with. */
    public ScheduleConfig schedule() {
        return schedule;
    }

    /** Names of classes by index; those of some classes may be missing. */
    public SortedMap<Integer, String> labels() {
        return labels;
    }

    /** What foreign files say that is not heeded, a line each. */
    public List<String> warnings() {
        return List.copyOf(warnings);
    }

    /**
     * Reads all weights through.
     *
     * @throws MaskRtException (NOT_FINITE) if there is NaN or infinity among them
     */
    public void requireFinite() {
        WeightCheck.requireFinite(transformer.weights());
        if (vae != null) {
            WeightCheck.requireFinite(vae.weights());
        }
        imageEncoders.values().forEach(encoder -> WeightCheck.requireFinite(encoder.weights()));
    }

    /** Releases the weights. */
    @Override
    public void close() {
        transformer.close();
        if (vae != null) {
            vae.close();
        }
        imageEncoders.values().forEach(Component::close);
    }

    /**
     * Puts an autoencoder into a model folder, in place of the one that it may have.
     *
     * @return the folder of the part
     * @throws MaskRtException if it is no model folder, its latents are others, or it cannot be written
     */
    public static Path putAutoencoder(Path folder, AutoencoderKl autoencoder, Weights weights, DType dtype) {
        try (ModelFolder model = open(folder)) {
            requireLatents(weights.origin(), autoencoder, model.denoiser());
        }
        Path part = folder.resolve("vae");
        Component.writeAutoencoder(part, autoencoder, weights, dtype);
        addToIndex(folder, "vae", Component.AUTOENCODER);
        return part;
    }

    /**
     * Puts an image encoder into a model folder, in place of the one of the same width that it may have.
     *
     * @return the folder of the part
     * @throws MaskRtException if it is no model folder, has two encoders of other widths, or cannot be written
     */
    public static Path putImageEncoder(Path folder, DinoV2 encoder, Weights weights, DType dtype) {
        String name;
        try (ModelFolder model = open(folder)) {
            int width = encoder.config().hiddenSize();
            name = IMAGE_ENCODERS.stream()
                    .filter(part -> model.imageEncoders.containsKey(part)
                            && model.imageEncoders.get(part).model().config().hiddenSize() == width)
                    .findFirst()
                    .or(() -> IMAGE_ENCODERS.stream()
                            .filter(part -> !model.imageEncoders.containsKey(part))
                            .findFirst())
                    .orElseThrow(() -> new MaskRtException(
                            ExitCode.USAGE,
                            folder + ": expected room for an image encoder of width " + width + ", found "
                                    + model.imageEncoders.size()
                                    + " of other widths; remove one from model_index.json"));
        }
        Path part = folder.resolve(name);
        Component.writeImageEncoder(part, encoder, weights, dtype);
        addToIndex(folder, name, Component.IMAGE_ENCODER);
        return part;
    }

    private static void addToIndex(Path folder, String part, String className) {
        ObjectNode index = Json.readObject(folder.resolve(INDEX));
        index.putArray(part).add(LIBRARY).add(className);
        Json.write(folder.resolve(INDEX), index);
    }

    /** Whether {@code folder} is laid out as a model folder. */
    public static boolean isModelFolder(Path folder) {
        return Files.exists(folder.resolve(INDEX));
    }

    /**
     * Writes a model folder without an autoencoder.
     *
     * @throws MaskRtException if the weights are not those of the model, or cannot be written
     */
    public static void write(Path folder, Contents contents, DType dtype) {
        Component.writeDenoiser(folder.resolve("transformer"), contents.denoiser, contents.weights, dtype);
        writeIndex(folder, contents, false);
    }

    /**
     * Writes a model folder.
     *
     * @throws MaskRtException if weights are not those of their model, or cannot be written
     */
    public static void write(
            Path folder, Contents contents, AutoencoderKl autoencoder, Weights autoencoderWeights, DType dtype) {
        Component.writeDenoiser(folder.resolve("transformer"), contents.denoiser, contents.weights, dtype);
        Component.writeAutoencoder(folder.resolve("vae"), autoencoder, autoencoderWeights, dtype);
        writeIndex(folder, contents, true);
    }

    /** Last, so that a folder with an index has all of its parts. */
    private static void writeIndex(Path folder, Contents contents, boolean hasVae) {
        Json.write(
                folder.resolve("scheduler").resolve(SCHEDULER_CONFIG),
                ConfigFile.of(SCHEDULE, contents.schedule, fixedSchedule(false)));
        String denoiser = Component.className(contents.denoiser);
        ObjectNode index = Json.object().put("_class_name", denoiser + PIPELINE);
        index.putArray("transformer").add(LIBRARY).add(denoiser);
        index.putArray("scheduler").add(LIBRARY).add(SCHEDULE);
        if (hasVae) {
            index.putArray("vae").add(LIBRARY).add(Component.AUTOENCODER);
        }
        if (!contents.labels.isEmpty()) {
            ObjectNode names = index.putObject(LABELS);
            new TreeMap<>(contents.labels).forEach((id, name) -> names.put(id.toString(), name));
        }
        Json.write(folder.resolve(INDEX), index);
    }
}
