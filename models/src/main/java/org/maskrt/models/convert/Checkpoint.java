package org.maskrt.models.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.convert.Recognition.Part;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.TorchFile;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;
import org.maskrt.models.weights.Weights.Renaming;

/**
 * A model as other projects publish it: a file of {@code torch.save} ({@code .pt}, {@code .pth}, {@code .ckpt}), a safetensors file, a folder of
 * diffusers' {@code DiTPipeline} or {@code AutoencoderKL}, or a folder of {@code transformers}' DINOv2.
 * Opened, its weights carry the names and shapes of the recognised model.
 */
public final class Checkpoint implements AutoCloseable {
    /** Where trainers keep the averaged weights, first, and the plain ones. */
    private static final List<String> USUAL_PARTS = List.of("ema", "", "model", "state_dict", "module");

    private static final String DIFFUSERS_WEIGHTS = "diffusion_pytorch_model";

    private final String source;
    private final Recognition recognition;
    private final Weights weights;
    private final Map<Integer, String> labels;
    private final AutoCloseable file;

    private Checkpoint(
            String source, Recognition recognition, Weights weights, Map<Integer, String> labels, AutoCloseable file) {
        this.source = source;
        this.recognition = recognition;
        this.weights = weights;
        this.labels = labels;
        this.file = file;
    }

    /**
     * Opens and recognises.
     *
     * @param path a file, or a folder of diffusers or transformers
     * @param part of a {@code .pt}: the name under which the weights lie; null for the averaged ones if there are any
     * @throws MaskRtException with one line if it cannot be read or is not recognised, or if keys are missing, extra or misshapen
     */
    public static Checkpoint open(Path path, @Nullable String part, Recognition.Hints hints) {
        if (Files.isDirectory(path)) {
            return folder(path, hints);
        }
        if (path.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) {
            SafeTensors file = SafeTensors.open(path);
            return guarded(file, () -> of("safetensors", file, Map.of(), hints, file));
        }
        TorchFile file = TorchFile.open(path);
        return guarded(file, () -> {
            String name = part == null ? usual(file) : part;
            String source = "torch.save" + (name.isEmpty() ? "" : ", part '" + name + "'");
            return of(source, file.part(name), Map.of(), hints, file);
        });
    }

    private interface Opening {
        Checkpoint open();
    }

    private static Checkpoint guarded(AutoCloseable file, Opening opening) {
        try {
            return opening.open();
        } catch (RuntimeException e) {
            close(file);
            throw e;
        }
    }

    private static String usual(TorchFile file) {
        return USUAL_PARTS.stream()
                .filter(file.parts()::contains)
                .findFirst()
                .orElseThrow(() -> new MaskRtException(
                        ExitCode.USAGE,
                        file.path() + ": expected weights under one of " + USUAL_PARTS + ", found " + file.parts()
                                + "; name a part with --part"));
    }

    private static Checkpoint of(
            String source, Weights found, Map<Integer, String> labels, Recognition.Hints hints, AutoCloseable file) {
        Weights own = withoutPrefix(found, "module.");
        Weights weights = Recognition.named(own);
        Recognition recognition = Recognition.of(weights, hints);
        WeightCheck.compare(recognition.part().wanted(), weights).require(found.origin());
        return new Checkpoint(source, recognition, weights, labels, file);
    }

    /** A part with a {@code config.json} that says what it is; the configuration tells more than the weights. */
    private static Checkpoint component(String source, Component<?> component, Part part) {
        return new Checkpoint(
                source, new Recognition(part, component.warnings()), component.weights(), Map.of(), component);
    }

    private static Checkpoint folder(Path folder, Recognition.Hints hints) {
        JsonNode config = Files.exists(folder.resolve("config.json"))
                ? json(folder.resolve("config.json"))
                : MissingNode.getInstance();
        if (config.path("_class_name").asText().equals("AutoencoderKL")) {
            Component<AutoencoderKl> vae = Component.openAutoencoder(folder);
            return component("diffusers' AutoencoderKL", vae, new Part.Vae(vae.model()));
        }
        if (config.path("_class_name").asText().equals("DinoV2")
                || config.path("model_type").asText().startsWith("dinov2")) {
            Component<DinoV2> encoder = Component.openImageEncoder(folder);
            return component("transformers' DINOv2", encoder, new Part.ImageEncoder(encoder.model()));
        }
        return diffusers(folder, hints);
    }

    private static Checkpoint diffusers(Path folder, Recognition.Hints hints) {
        Path transformer = Files.isDirectory(folder.resolve("transformer")) ? folder.resolve("transformer") : folder;
        SafeTensors file = SafeTensors.open(transformer, DIFFUSERS_WEIGHTS);
        return guarded(file, () -> {
            if (!DiffusersDit.matches(file)) {
                return of("safetensors", file, labels(folder), hints, file);
            }
            JsonNode config = json(transformer.resolve("config.json"));
            int side = config.path("sample_size").asInt();
            int patch = config.path("patch_size").asInt();
            if (side < 1 || patch < 1 || side % patch != 0) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        transformer.resolve("config.json")
                                + ": expected sample_size to be a multiple of patch_size, found " + side + " and "
                                + patch);
            }
            int heads = config.path("num_attention_heads").asInt();
            Recognition.Hints known =
                    heads < 1 ? hints : new Recognition.Hints(java.util.OptionalInt.of(heads), hints.decodeLayer());
            Weights renamed = DiffusersDit.renamed(file, (side / patch) * (side / patch));
            return of("diffusers' DiT", renamed, labels(folder), known, file);
        });
    }

    private static JsonNode json(Path file) {
        try {
            return new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected a configuration in JSON, it cannot be read (" + e.getMessage() + ")",
                    e);
        }
    }

    /** The class names of diffusers' {@code model_index.json}: of several names the first. */
    private static Map<Integer, String> labels(Path folder) {
        Path index = folder.resolve("model_index.json");
        Map<Integer, String> labels = new TreeMap<>();
        if (Files.exists(index)) {
            json(index).path("id2label").properties().forEach(e -> {
                if (e.getKey().matches("\\d{1,6}") && e.getValue().isTextual()) {
                    labels.put(Integer.parseInt(e.getKey()), e.getValue().textValue());
                }
            });
        }
        return labels;
    }

    /** Names without a prefix that all of them have, as training on several devices leaves it. */
    private static Weights withoutPrefix(Weights weights, String prefix) {
        if (!weights.keys().stream().allMatch(key -> key.startsWith(prefix))) {
            return weights;
        }
        Map<String, Renaming> names = new LinkedHashMap<>();
        weights.keys()
                .forEach(key -> names.put(
                        key.substring(prefix.length()),
                        new Renaming(List.of(key), weights.shape(key).rank())));
        return weights.renamed(names);
    }

    /** What kind of file it is, for people. */
    public String source() {
        return source;
    }

    public Recognition recognition() {
        return recognition;
    }

    /** Under the model's names; closed with this. */
    public Weights weights() {
        return weights;
    }

    /** Names of classes, where the source has them. */
    public Map<Integer, String> labels() {
        return labels;
    }

    private static void close(AutoCloseable file) {
        try {
            file.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        close(file);
    }
}
