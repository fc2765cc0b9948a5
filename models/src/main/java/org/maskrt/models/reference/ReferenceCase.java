package org.maskrt.models.reference;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Emd3cConfig.Source;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.ForeignNames;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;

/**
 * A folder with numbers recorded from the published code: {@code case.json}, {@code io.safetensors}, and the weights, its own or those of a case
 * beside it.
 */
public final class ReferenceCase implements AutoCloseable {
    private static final Pattern GUIDED = Pattern.compile("guided_w([0-9.]+)(?:_s([0-9.]+))?_t(\\d+)");

    private final Path folder;
    private final JsonNode json;
    private final Object model;
    private final SafeTensors io;
    private final Weights weights;

    private ReferenceCase(Path folder, JsonNode json, Object model, SafeTensors io, Weights weights) {
        this.folder = folder;
        this.json = json;
        this.model = model;
        this.io = io;
        this.weights = weights;
    }

    /**
     * One guided forward pass of a case.
     *
     * @param tensor its name
     * @param scale w
     * @param power s of the power-cosine schedule, or null for a constant scale
     * @param timestep t
     */
    public record Guided(
            String tensor, double scale, @Nullable Double power, int timestep) {}

    /**
     * Opens a case.
     *
     * @throws MaskRtException if the folder is no case, or of a family that is not known here
     */
    public static ReferenceCase open(Path folder) {
        JsonNode json = read(folder.resolve("case.json"));
        String config = json.path("model_config").asText("null");
        JsonNode sizes = config.equals("null") ? json : read(folder.resolve(config));
        Object model = model(folder, json.path("family").asText(), sizes.path("config"));
        SafeTensors io = SafeTensors.open(folder.resolve("io.safetensors"));
        SafeTensors weights =
                SafeTensors.open(folder.resolve(json.path("weights").asText()).normalize());
        return new ReferenceCase(folder, json, model, io, named(model, weights));
    }

    private static Weights named(Object model, Weights weights) {
        if (model instanceof DinoV2) {
            return ForeignNames.imageEncoder(weights);
        }
        return model instanceof AutoencoderKl ? ForeignNames.autoencoder(weights) : weights;
    }

    /** Whether the family of the case in {@code folder} is known here. */
    public static boolean isKnown(Path folder) {
        return Set.of("dit", "mdt-v1", "mdt-v2", "emd3c", "maskdit", "dinov2", "autoencoder")
                .contains(read(folder.resolve("case.json")).path("family").asText());
    }

    private static JsonNode read(Path file) {
        try {
            return new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the case.json of a reference case, cannot read it: " + e.getMessage(),
                    e);
        }
    }

    private static Object model(Path folder, String family, JsonNode c) {
        int inputSize = c.path("input_size").asInt();
        int patch = c.path("patch_size").asInt();
        int channels = c.path("in_channels").asInt();
        int width = c.path("hidden_size").asInt();
        int depth = c.path("depth").asInt();
        int heads = c.path("num_heads").asInt();
        int classes = c.path("num_classes").asInt();
        boolean sigma = c.path("learn_sigma").asBoolean();
        return switch (family) {
            case "dit" -> new Dit(new DitConfig(inputSize, patch, channels, width, depth, heads, 4, classes, sigma));
            case "mdt-v1", "mdt-v2" ->
                new Mdt(new MdtConfig(
                        family.equals("mdt-v1") ? 1 : 2,
                        inputSize,
                        patch,
                        channels,
                        width,
                        depth,
                        heads,
                        4,
                        classes,
                        c.path("decode_layer").asInt(),
                        c.path("mask_ratio").asDouble(),
                        sigma));
            case "emd3c" -> new Emd3c(emd3c(c));
            case "maskdit" ->
                new MaskDit(new MaskDitConfig(
                        inputSize,
                        patch,
                        channels,
                        width,
                        depth,
                        heads,
                        4,
                        classes,
                        c.path("decoder_hidden_size").asInt(),
                        c.path("decoder_depth").asInt(),
                        c.path("decoder_num_heads").asInt(),
                        c.path("sigma_data").asDouble()));
            case "dinov2" -> new DinoV2(sizes(folder, c, DinoV2Config.class));
            case "autoencoder" -> new AutoencoderKl(sizes(folder, c, AutoencoderKlConfig.class));
            default ->
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        folder
                                + ": expected the family dit, mdt-v1, mdt-v2, emd3c, maskdit, dinov2 or autoencoder, found '"
                                + family + "'; no interpreter knows it");
        };
    }

    private static <C extends Record> C sizes(Path folder, JsonNode c, Class<C> type) {
        try {
            return new ObjectMapper()
                    .setPropertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
                    .treeToValue(c, type);
        } catch (JsonProcessingException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder.resolve("case.json") + ": expected the sizes of a " + type.getSimpleName()
                            + ", found others (" + e.getOriginalMessage() + "); record the case again",
                    e);
        }
    }

    private static Emd3cConfig emd3c(JsonNode c) {
        List<Source> sources = new ArrayList<>();
        c.path("sources")
                .forEach(s -> sources.add(new Source(
                        s.path("name").asText(),
                        s.path("kind").asText().equals("latent") ? Kind.LATENT : Kind.FEATURE,
                        s.path("tokens").asInt(),
                        s.path("width").asInt())));
        return new Emd3cConfig(
                c.path("input_size").asInt(),
                c.path("patch_size").asInt(),
                c.path("latent_channels").asInt(),
                c.path("hidden_size").asInt(),
                c.path("depth").asInt(),
                c.path("num_heads").asInt(),
                4,
                c.path("decode_layer").asInt(),
                c.path("mask_ratio").asDouble(),
                c.path("learn_sigma").asBoolean(),
                sources);
    }

    public String name() {
        return folder.toAbsolutePath().normalize().getFileName().toString();
    }

    /** {@code model}, {@code trajectory}, {@code losses}, {@code features} or {@code autoencoder}. */
    public String kind() {
        return json.path("kind").asText();
    }

    /** A value of the case's own configuration, such as {@code eta}. */
    public JsonNode config(String key) {
        return json.path("config").path(key);
    }

    /** The model of a case of a denoiser. */
    public Denoiser model() {
        return model(Denoiser.class);
    }

    /** The model of a case of another kind. */
    public <M> M model(Class<M> type) {
        if (!type.isInstance(model)) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": expected the case of a " + type.getSimpleName() + ", found a "
                            + model.getClass().getSimpleName() + "; correct its kind or its family");
        }
        return type.cast(model);
    }

    public Weights weights() {
        return weights;
    }

    public boolean has(String tensor) {
        return io.keys().contains(tensor);
    }

    public Tensor tensor(String name) {
        return io.tensor(name);
    }

    /** The names of the tensors that begin with {@code prefix}, in the order of the file. */
    public List<String> names(String prefix) {
        return io.keys().stream().filter(k -> k.startsWith(prefix)).toList();
    }

    /** What the model denoises: {@code x}, after the {@code hint} if there is one. */
    public Tensor sample() {
        Tensor x = tensor("x");
        if (!has("hint")) {
            return x;
        }
        Tensor hint = tensor("hint");
        int row = x.size() / x.dim(0);
        float[] both = new float[2 * x.size()];
        for (int b = 0; b < x.dim(0); b++) {
            System.arraycopy(hint.values(), b * row, both, 2 * b * row, row);
            System.arraycopy(x.values(), b * row, both, (2 * b + 1) * row, row);
        }
        return Tensor.of(both, x.dim(0), 2 * x.dim(1), x.dim(2), x.dim(3));
    }

    /** Classes from their one-hot rows; a row of zeros is the null class. */
    public Tensor oneHot(String name) {
        Tensor rows = tensor(name);
        int classes = rows.dim(1);
        long[] labels = new long[rows.dim(0)];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = classes;
            for (int k = 0; k < classes; k++) {
                if (rows.values()[i * classes + k] == 1) {
                    labels[i] = k;
                }
            }
        }
        return Tensor.ofIndices(labels, labels.length);
    }

    /** Classes {@code y}, or condition vectors {@code c0}. */
    public Tensor condition() {
        return tensor(model().conditionWidth() == 0 ? "y" : "c0");
    }

    /** The timesteps {@code t} as fp32. */
    public Tensor timestep() {
        return floats(tensor("t"));
    }

    /** Indices as fp32, which is how a model takes its timesteps. */
    public static Tensor floats(Tensor indices) {
        float[] values = new float[indices.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = indices.indices()[i];
        }
        return Tensor.of(values, indices.shape());
    }

    /** The masks that the recorded noise gives. */
    public MaskPlan maskPlan() {
        MdtConfig config = ((MdtDenoiser) model()).body().config();
        Tensor noise = tensor("mask_noise");
        int tokens = noise.dim(1);
        int kept = has("mask_ratio_draw")
                ? MaskPlan.kept(tokens, tensor("mask_ratio_draw").values()[0] * 0.2f + (float) config.maskRatio())
                : MaskPlan.kept(tokens, config.maskRatio());
        return MaskPlan.of(noise.values(), noise.dim(0), tokens, kept);
    }

    /** The guided forward passes of a {@code model} case. */
    public List<Guided> guided() {
        List<Guided> found = new ArrayList<>();
        for (String name : names("guided_")) {
            Matcher m = GUIDED.matcher(name);
            if (m.matches()) {
                found.add(new Guided(
                        name,
                        Double.parseDouble(m.group(1)),
                        m.group(2) == null ? null : Double.valueOf(m.group(2)),
                        Integer.parseInt(m.group(3))));
            }
        }
        return found;
    }

    @Override
    public void close() {
        io.close();
        weights.close();
    }
}
