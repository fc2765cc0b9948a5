package org.maskrt.models.weights;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

/**
 * A model in a folder of its own: {@code config.json}, and its weights in {@code diffusion_pytorch_model.safetensors} (of an image encoder, {@code
 * model.safetensors}) or in shards. Opened, the
 * weights are those of the model: none is missing, left over or of another shape.
 *
 * @param <M> the model
 */
public final class Component<M> implements AutoCloseable {
    static final String CONFIG = "config.json";
    static final String STEM = "diffusion_pytorch_model";
    static final String DIT = "DiT";
    static final String MDT = "MDT";
    static final String EMD3C = "EMD3C";
    static final String MASKDIT = "MaskDiT";
    static final String AUTOENCODER = "AutoencoderKL";
    static final String IMAGE_ENCODER = "DinoV2";

    /** As {@code transformers} calls its models' weights. */
    private static final String ENCODER_STEM = "model";

    private static final String[] DENOISERS = {DIT, MDT, EMD3C, MASKDIT};

    private final Path path;
    private final M model;
    private final SafeTensors file;
    private final Weights weights;
    private final List<String> warnings;

    private Component(Path path, M model, SafeTensors file, Weights weights, List<String> warnings) {
        this.path = path;
        this.model = model;
        this.file = file;
        this.weights = weights;
        this.warnings = List.copyOf(warnings);
    }

    /**
     * Opens a denoiser of any family.
     *
     * @throws MaskRtException if files are missing or malformed, or do not fit together
     */
    public static Component<Denoiser> openDenoiser(Path folder) {
        ConfigFile config = ConfigFile.read(SafeFolder.inside(folder, CONFIG), DENOISERS);
        Denoiser model = switch (config.className(DENOISERS)) {
            case DIT -> new Dit(config.as(DitConfig.class, Json.object(), Json.object()));
            case MDT -> new Mdt(config.as(MdtConfig.class, Json.object(), Json.object()));
            case MASKDIT -> new MaskDit(config.as(MaskDitConfig.class, Json.object(), Json.object()));
            default -> new Emd3c(config.as(Emd3cConfig.class, Json.object(), Json.object()));
        };
        return open(folder, config, model, new Loading<>(STEM, UnaryOperator.identity(), WeightCheck::wanted));
    }

    /**
     * Opens an AutoencoderKL of ours or of diffusers.
     *
     * @throws MaskRtException if files are missing or malformed, or do not fit together
     */
    public static Component<AutoencoderKl> openAutoencoder(Path folder) {
        ConfigFile config = ConfigFile.read(SafeFolder.inside(folder, CONFIG), AUTOENCODER);
        config.className(AUTOENCODER);
        int channels = config.node().path("in_channels").asInt(3);
        int levels = Math.max(1, config.node().path("block_out_channels").size());
        ObjectNode defaults = (ObjectNode) Json.MAPPER.valueToTree(new AutoencoderKlConfig(
                3, 4, List.of(64), 1, 32, AutoencoderKlConfig.sdVae().scalingFactor(), 32));
        return open(
                folder,
                config,
                new AutoencoderKl(config.as(AutoencoderKlConfig.class, supported(channels, levels), defaults)),
                new Loading<>(STEM, ForeignNames::autoencoder, WeightCheck::wanted));
    }

    /**
     * Opens a DINOv2 of ours or of {@code transformers} ({@code Dinov2Model}, {@code Dinov2WithRegistersModel}).
     *
     * @throws MaskRtException if files are missing or malformed, or do not fit together
     */
    public static Component<DinoV2> openImageEncoder(Path folder) {
        ConfigFile config = ConfigFile.read(SafeFolder.inside(folder, CONFIG), IMAGE_ENCODER);
        return open(
                folder,
                config,
                new DinoV2(imageEncoder(config)),
                new Loading<>(ENCODER_STEM, ForeignNames::imageEncoder, WeightCheck::wanted));
    }

    private static DinoV2Config imageEncoder(ConfigFile config) {
        if (!config.isForeign()) {
            return config.as(DinoV2Config.class, Json.object(), Json.object());
        }
        String type = config.node().path("model_type").asText();
        boolean registers = type.equals("dinov2_with_registers");
        if (!registers && !type.equals("dinov2")) {
            throw config.refuse("expected " + "_class_name " + IMAGE_ENCODER
                    + " or model_type dinov2 or dinov2_with_registers, received " + Text.quote(type)
                    + "; convert the model first");
        }
        ObjectNode fixed = Json.object().put("model_type", type);
        fixed.put("hidden_act", "gelu");
        fixed.put("layer_norm_eps", 1e-6);
        fixed.put("qkv_bias", true);
        DinoV2Config plain =
                new DinoV2Config(224, 14, 3, 768, 12, 12, 4, false, 0, false, DinoV2Config.PUBLISHED_OFFSET);
        return config.as(DinoV2Config.class, fixed, Json.MAPPER.valueToTree(registers ? plain.withRegisters() : plain));
    }

    /** The keys of diffusers' AutoencoderKL whose other values would be another model. */
    private static ObjectNode supported(int channels, int levels) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        ObjectNode fixed = Json.object();
        fixed.put("out_channels", channels);
        fixed.put("act_fn", "silu");
        ArrayNode down = json.arrayNode();
        ArrayNode up = json.arrayNode();
        for (int i = 0; i < levels; i++) {
            down.add("DownEncoderBlock2D");
            up.add("UpDecoderBlock2D");
        }
        fixed.set("down_block_types", down);
        fixed.set("up_block_types", up);
        fixed.put("use_quant_conv", true);
        fixed.put("use_post_quant_conv", true);
        fixed.put("mid_block_add_attention", true);
        fixed.putNull("latents_mean");
        fixed.putNull("latents_std");
        fixed.putNull("shift_factor");
        return fixed;
    }

    /**
     * How weights are found.
     *
     * @param stem of their files
     * @param names from theirs to the model's
     * @param wanted what a model asks for
     */
    private record Loading<M>(String stem, UnaryOperator<Weights> names, Function<M, Map<String, Shape>> wanted) {}

    private static <M> Component<M> open(Path folder, ConfigFile config, M model, Loading<M> loading) {
        SafeTensors file = SafeTensors.open(folder, loading.stem);
        try {
            Weights weights = loading.names.apply(file);
            WeightCheck.compare(trace(config, model, loading.wanted, weights), weights)
                    .require(file.origin());
            return new Component<>(folder, model, file, weights, config.warnings());
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** What the model asks for, unless sizes beyond all of the weights make it plain that these are others. */
    private static <M> Map<String, Shape> trace(
            ConfigFile config, M model, Function<M, Map<String, Shape>> wanted, Weights weights) {
        long values =
                weights.keys().stream().mapToLong(k -> weights.shape(k).size()).sum();
        atMost(
                config,
                weights.keys().size(),
                weights.origin() + " has %d tensors",
                "depth",
                "layers_per_block",
                "num_hidden_layers");
        atMost(
                config,
                values,
                weights.origin() + " has %d values",
                "input_size",
                "hidden_size",
                "num_classes",
                "image_size");
        try {
            return wanted.apply(model);
        } catch (ArithmeticException
                | IllegalArgumentException
                | IllegalStateException
                | NegativeArraySizeException e) {
            throw config.refuse(
                    "these sizes make no model (" + Text.oneLine(String.valueOf(e.getMessage())) + "); correct them");
        }
    }

    private static void atMost(ConfigFile config, long limit, String have, String... fields) {
        for (String field : fields) {
            long value = config.node().path(field).asLong();
            if (value > limit) {
                throw config.refuse("'" + field + "' is " + value + ", but " + String.format(have, limit)
                        + " in all; use the config.json that belongs to the weights");
            }
        }
    }

    /** The folder. */
    public Path path() {
        return path;
    }

    public M model() {
        return model;
    }

    /** Under the model's names; closed with this. */
    public Weights weights() {
        return weights;
    }

    /** What a foreign configuration says that is not heeded, a line each. */
    public List<String> warnings() {
        return warnings;
    }

    /** SHA-256 of the weights file in hexadecimal; of shards, of all of them one after the other. Reads them through. */
    public String sha256() {
        try {
            Sha256 hash = new Sha256();
            for (Path part : file.files()) {
                hash.add(part);
            }
            return hash.hex();
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file.origin() + ": cannot be read: " + AtomicFiles.reason(e)
                            + "; check the path and its permissions",
                    e);
        }
    }

    /** Releases the weights. */
    @Override
    public void close() {
        file.close();
    }

    /**
     * Writes a denoiser into a folder.
     *
     * @throws MaskRtException if the weights are not those of the model, or cannot be written
     */
    public static void writeDenoiser(Path folder, Denoiser model, Weights weights, DType dtype) {
        ObjectNode config = ConfigFile.of(className(model), sizes(model), Json.object());
        write(folder, config, WeightCheck.compare(WeightCheck.wanted(model), weights), weights, dtype);
    }

    /** The class of a denoiser in its {@code config.json}. */
    static String className(Denoiser model) {
        if (model instanceof Dit) {
            return DIT;
        }
        if (model instanceof Mdt) {
            return MDT;
        }
        if (model instanceof Emd3c) {
            return EMD3C;
        }
        if (model instanceof MaskDit) {
            return MASKDIT;
        }
        throw new IllegalArgumentException("a DiT, MDT, E-MD3C or MaskDiT is expected, got " + model.getClass());
    }

    private static Record sizes(Denoiser model) {
        if (model instanceof Dit dit) {
            return dit.config();
        }
        if (model instanceof Mdt mdt) {
            return mdt.config();
        }
        return model instanceof Emd3c emd3c ? emd3c.config() : ((MaskDit) model).config();
    }

    /**
     * Writes an autoencoder into a folder, so that diffusers can read it too.
     *
     * @throws MaskRtException if the weights are not those of the model, or cannot be written
     */
    public static void writeAutoencoder(Path folder, AutoencoderKl model, Weights weights, DType dtype) {
        AutoencoderKlConfig c = model.config();
        ObjectNode fixed = supported(c.inChannels(), c.blockOutChannels().size());
        write(
                folder,
                ConfigFile.of(AUTOENCODER, c, fixed),
                WeightCheck.compare(WeightCheck.wanted(model), weights),
                weights,
                dtype);
    }

    /**
     * Writes a DINOv2 into a folder.
     *
     * @throws MaskRtException if the weights are not those of the model, or cannot be written
     */
    public static void writeImageEncoder(Path folder, DinoV2 model, Weights weights, DType dtype) {
        WeightCheck.compare(WeightCheck.wanted(model), weights).require(weights.origin());
        SafeTensors.write(folder.resolve(ENCODER_STEM + ".safetensors"), weights, dtype, Map.of());
        Json.write(folder.resolve(CONFIG), ConfigFile.of(IMAGE_ENCODER, model.config(), Json.object()));
    }

    private static void write(Path folder, ObjectNode config, WeightCheck check, Weights weights, DType dtype) {
        check.require(weights.origin());
        SafeTensors.write(folder.resolve(STEM + ".safetensors"), weights, dtype, Map.of());
        Json.write(folder.resolve(CONFIG), config);
    }
}
