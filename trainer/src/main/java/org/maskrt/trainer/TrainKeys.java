package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.NamingBase;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.trainer.DataConfig.DrawnPairs;
import org.maskrt.trainer.DataConfig.PairFiles;
import org.maskrt.trainer.DataConfig.Pictures;
import org.maskrt.trainer.DenoiserTraining.MaskDitSizes;
import org.maskrt.trainer.DenoiserTraining.Preview;
import org.maskrt.trainer.DenoiserTraining.Sizes;
import org.maskrt.trainer.Emd3cSizes.SourceSizes;

/** The one table of the keys of a training configuration: what each means, and what it is where a file does not say. */
final class TrainKeys {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final NamingBase SNAKE_CASE = (NamingBase) PropertyNamingStrategies.SNAKE_CASE;
    /** What stands for the records without a name of their own. */
    private static final Map<Class<?>, String> NAMES =
            Map.of(Sizes.class, "dit, mdt-v1, mdt-v2", Pictures.class, "shapes, or a folder");

    private static final Set<Class<?>> MDTS = Set.of(Sizes.class, Emd3cSizes.class);
    private static final Set<Class<?>> MODELS = Set.of(Sizes.class, MaskDitSizes.class, Emd3cSizes.class);
    private static final Set<Class<?>> DATA = Set.of(Pictures.class, PairFiles.class, DrawnPairs.class);

    /**
     * A key's value where a file has none.
     *
     * @param text for people
     * @param of the value, from the whole configuration
     */
    private record Default(String text, Function<ObjectNode, JsonNode> of) {
        static Default of(JsonNode value) {
            return new Default(value.asText(), root -> value.deepCopy());
        }
    }

    /**
     * A row of the table.
     *
     * @param owners the records that have it
     * @param byDefault null if it must be given
     */
    private record Key(
            Set<Class<?>> owners,
            String name,
            String meaning,
            @Nullable Default byDefault) {}

    private static final List<Key> TABLE = List.of(
            key(
                    Set.of(TrainConfig.class, EncoderConfig.class),
                    "seed",
                    "of everything random; every draw is a function of the seed and the step",
                    null),
            key(TrainConfig.class, "data", "the pictures"),
            key(EncoderConfig.class, "data", "pairs of objects and scenes"),
            key(EncoderConfig.class, "image_encoder", "its training, instead of autoencoder and transformer"),
            key(EncoderTraining.class, "model", "sizes, named as in transformers' Dinov2Config"),
            key(DinoV2Config.class, "image_size", "height and width of the pictures, a multiple of patch_size"),
            key(DinoV2Config.class, "patch_size", "P: a token is P x P pixels"),
            key(Set.of(DinoV2Config.class), "num_channels", "of the pictures", Default.of(NODES.numberNode(3))),
            key(DinoV2Config.class, "hidden_size", "D, the width of a token"),
            key(DinoV2Config.class, "num_hidden_layers", "blocks"),
            key(DinoV2Config.class, "num_attention_heads", "of each attention; divides hidden_size"),
            key(Set.of(DinoV2Config.class), "mlp_ratio", "width of the MLPs over D", Default.of(NODES.numberNode(4.0))),
            key(
                    Set.of(DinoV2Config.class),
                    "use_swiglu_ffn",
                    "whether the MLPs are SwiGLUs",
                    Default.of(NODES.booleanNode(false))),
            key(
                    Set.of(DinoV2Config.class),
                    "num_register_tokens",
                    "tokens that the features leave out",
                    Default.of(NODES.numberNode(0))),
            key(
                    Set.of(DinoV2Config.class),
                    "interpolate_antialias",
                    "whether positions are averaged for smaller pictures",
                    Default.of(NODES.booleanNode(false))),
            key(
                    Set.of(DinoV2Config.class),
                    "interpolate_offset",
                    "added to the number of patches before the factor for other pictures is taken",
                    Default.of(NODES.numberNode(0.1))),
            key(EncoderTraining.class, "steps", "how many"),
            key(EncoderTraining.class, "batch", "pairs in a step: each object is told from the others of its batch"),
            key(EncoderTraining.class, "temperature", "that cosines are divided by, such as 0.1"),
            key(EncoderTraining.class, "precision", "of the matrix products"),
            key(TrainConfig.class, "autoencoder", "the first stage"),
            key(TrainConfig.class, "transformer", "the second stage, on the latents of the first"),
            key(Set.of(TrainConfig.class, EncoderConfig.class), "pace", "how often to save and to show", null),
            key(
                    DATA,
                    "source",
                    "shapes (drawn pictures of ten classes), a folder of pictures (a sub-folder for each class, or files"
                            + " ClassID_anything.jpg), or for emd3c pairs (of files) or scenes (drawn pairs)",
                    null),
            key(Set.of(Pictures.class, DrawnPairs.class), "images", "how many to draw; not used for a folder", null),
            key(
                    Pictures.class,
                    "classes",
                    "number of classes of a folder, 0 to take it from the names; not used for shapes"),
            key(
                    DATA,
                    "size",
                    "pixels; pictures are cropped to the centre, of scenes to the surroundings of the box, and resized to this"
                            + " height and width",
                    null),
            key(Pictures.class, "mirror", "whether half of the pictures are flipped left to right"),
            key(
                    PairFiles.class,
                    "folder",
                    "of the pairs: source/NAME.png is an object, cut out by its transparency, target/NAME.png a scene that holds"
                            + " it, mask/NAME.png white where the scene has it"),
            key(AutoencoderTraining.class, "model", "sizes, named as in diffusers' AutoencoderKL"),
            key(AutoencoderKlConfig.class, "in_channels", "of the pictures: 3"),
            key(AutoencoderKlConfig.class, "latent_channels", "of the latents"),
            key(
                    AutoencoderKlConfig.class,
                    "block_out_channels",
                    "width of each resolution, finest first; each but the last halves the picture"),
            key(AutoencoderKlConfig.class, "layers_per_block", "residual blocks of each resolution"),
            key(AutoencoderKlConfig.class, "norm_num_groups", "groups of each GroupNorm; divides every width"),
            key(AutoencoderKlConfig.class, "scaling_factor", "any number: it is measured at the end of the stage"),
            key(AutoencoderKlConfig.class, "sample_size", "height and width of the pictures: data.size"),
            key(AutoencoderTraining.class, "steps", "how many"),
            key(AutoencoderTraining.class, "batch", "pictures in a step"),
            key(
                    Set.of(AutoencoderTraining.class, DenoiserTraining.class),
                    "accumulate",
                    "in how many parts a device computes its share of a batch: the same gradient with less memory",
                    Default.of(NODES.numberNode(1))),
            key(
                    AutoencoderTraining.class,
                    "edge_weight",
                    "of the L1 loss of differences between neighbouring pixels, against 1 for the pixels"),
            key(AutoencoderTraining.class, "kl_weight", "of the divergence from the unit normal, per latent value"),
            key(
                    AutoencoderTraining.class,
                    "precision",
                    "of the convolutions: bf16 rounds operands to bfloat16 and pays on processors that have it"),
            key(
                    Set.of(AutoencoderTraining.class, DenoiserTraining.class, EncoderTraining.class),
                    "optimizer",
                    "AdamW, and averages of the weights",
                    null),
            key(OptimizerConfig.class, "learning_rate", "after the warm-up"),
            key(OptimizerConfig.class, "warmup_steps", "over which the learning rate rises linearly from 0"),
            key(
                    OptimizerConfig.class,
                    "cosine",
                    "whether the learning rate then falls to 0 along a half cosine until the last step"),
            key(OptimizerConfig.class, "weight_decay", "decoupled, per unit of learning rate"),
            key(
                    OptimizerConfig.class,
                    "clip_norm",
                    "the largest global norm of a gradient; larger ones are scaled down to it"),
            key(
                    OptimizerConfig.class,
                    "ema_decay",
                    "of the averaged weights, reached by min(decay, (1 + n) / (10 + n)); of several, the first is the model and"
                            + " the others become ema-DECAY.safetensors files"),
            key(DenoiserTraining.class, "model", "what data and autoencoder do not fix"),
            key(MODELS, "family", "dit, mdt-v1, mdt-v2, maskdit or emd3c; decides which keys there are", null),
            key(MODELS, "patch_size", "P: a token is P x P of the latent", null),
            key(MODELS, "hidden_size", "D, the width of a token", null),
            key(MODELS, "depth", "number of blocks", null),
            key(MODELS, "num_heads", "of each attention", null),
            key(MODELS, "mlp_ratio", "hidden width of each MLP over D", null),
            key(MDTS, "decode_layer", "blocks after the side-interpolater; 0 for a dit", null),
            key(MDTS, "mask_ratio", "of the tokens that the masked pass hides; 0 trains without that pass", null),
            key(
                    MDTS,
                    "masking",
                    "how the masked pass is trained",
                    new Default("that of its keys", root -> NODES.objectNode())),
            key(
                    Set.of(MdtTraining.class),
                    "mask_range",
                    "the ratio is drawn for each batch from [mask_ratio, mask_ratio + mask_range]",
                    new Default("0.2 for mdt-v2, 0 for others", TrainKeys::maskRange)),
            key(
                    Set.of(MdtTraining.class),
                    "masked_weight",
                    "lambda: weight of the loss of the masked pass, against 1 for the full pass",
                    Default.of(NODES.numberNode(1.0))),
            key(
                    Set.of(MdtTraining.class),
                    "unmasking",
                    "tuning at the end: zero hides nothing from unmask_from on, cosine lets the ratio fall over unmask_steps"
                            + " with the fourth power of a quarter cosine",
                    Default.of(NODES.textNode("none"))),
            key(
                    Set.of(MdtTraining.class),
                    "unmask_from",
                    "the step at which the ratio begins to fall",
                    Default.of(NODES.numberNode(0))),
            key(
                    Set.of(MdtTraining.class),
                    "unmask_steps",
                    "over how many steps it falls",
                    Default.of(NODES.numberNode(0))),
            key(Emd3cSizes.class, "sources", "what the conditions collector is given, in order"),
            key(
                    SourceSizes.class,
                    "name",
                    "in the weights' paths; one that begins with tbf is of the box, any other of the object"),
            key(SourceSizes.class, "kind", "latent of the autoencoder, or feature: the tokens of an image encoder"),
            key(
                    Set.of(SourceSizes.class),
                    "encoder",
                    "folder of the image encoder (a DINOv2) of a feature",
                    new Default("none", root -> NODES.textNode(""))),
            key(
                    Set.of(SourceSizes.class),
                    "image_size",
                    "height and width of the pictures that the image encoder is given",
                    Default.of(NODES.numberNode(224))),
            key(MaskDitSizes.class, "decoder_hidden_size", "width of the decoder"),
            key(MaskDitSizes.class, "decoder_depth", "blocks of the decoder"),
            key(MaskDitSizes.class, "decoder_num_heads", "of each attention of the decoder"),
            key(
                    MaskDitSizes.class,
                    "sigma_data",
                    "standard deviation of the latents: 1, to which they are scaled; the published models assume 0.5"),
            key(MaskDitSizes.class, "masking", "how training masks"),
            key(MaskDitTraining.class, "mask_ratio", "of the tokens that are hidden"),
            key(
                    Set.of(MaskDitTraining.class),
                    "mask_range",
                    "the ratio is drawn for each batch from [mask_ratio, mask_ratio + mask_range]",
                    Default.of(NODES.numberNode(0.0))),
            key(MaskDitTraining.class, "mae_weight", "lambda: weight of the reconstruction of hidden tokens"),
            key(
                    MaskDitTraining.class,
                    "unmasking",
                    "tuning at the end: zero hides nothing from unmask_from on, cosine lets the ratio fall over unmask_steps"
                            + " with the fourth power of a quarter cosine"),
            key(MaskDitTraining.class, "unmask_from", "the step at which the ratio begins to fall"),
            key(MaskDitTraining.class, "unmask_steps", "over how many steps it falls"),
            key(DenoiserTraining.class, "steps", "how many"),
            key(DenoiserTraining.class, "batch", "latents in a step"),
            key(
                    DenoiserTraining.class,
                    "label_drop",
                    "share of conditions that become the null condition, for classifier-free guidance; for maskdit, of batches"),
            key(
                    Set.of(DenoiserTraining.class),
                    "timesteps",
                    "uniform, or loss-aware: drawn in proportion to the root mean square of their last ten losses (not for"
                            + " maskdit)",
                    Default.of(NODES.textNode("uniform"))),
            key(
                    DenoiserTraining.class,
                    "precision",
                    "of the matrix products over tokens: bf16 rounds operands to bfloat16 and pays on processors that have it"),
            key(DenoiserTraining.class, "preview", "the pictures that are sampled now and then"),
            key(Preview.class, "steps", "of the sampler"),
            key(Preview.class, "guidance", "the constant scale"),
            key(Preview.class, "columns", "pictures of each class"),
            key(Pace.class, "checkpoint", "steps between saves; the last step is always saved"),
            key(Pace.class, "preview", "steps between pictures; the last step always has one"));

    private TrainKeys() {}

    private static Key key(Class<?> owner, String name, String meaning) {
        return key(Set.of(owner), name, meaning, null);
    }

    private static Key key(Set<Class<?>> owners, String name, String meaning, @Nullable Default byDefault) {
        return new Key(owners, name, meaning, byDefault);
    }

    private static JsonNode maskRange(ObjectNode root) {
        boolean drawn = root.at("/transformer/model/family").asText().equalsIgnoreCase("mdt-v2");
        return NODES.numberNode(drawn ? 0.2 : 0.0);
    }

    private static Key of(Class<?> owner, RecordComponent component) {
        String name = SNAKE_CASE.translate(component.getName());
        return TABLE.stream()
                .filter(key -> key.owners.contains(owner) && key.name.equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "the table of training keys has no row for '" + name + "' of " + owner.getSimpleName()));
    }

    /** Puts in what a file may leave out. */
    static void complete(ObjectNode root, Class<? extends Record> type) {
        complete(root, root, type);
    }

    private static void complete(ObjectNode root, ObjectNode node, Class<?> type) {
        for (RecordComponent component : type.getRecordComponents()) {
            Key key = of(type, component);
            if (key.byDefault != null && !node.has(key.name)) {
                node.set(key.name, key.byDefault.of.apply(root));
            }
            inside(component, node.get(key.name), (child, record) -> complete(root, child, record));
        }
    }

    /** The inverse of {@link #complete}: takes out what a file may leave out. */
    static void prune(ObjectNode root, Class<? extends Record> type) {
        prune(root, root.deepCopy(), type);
    }

    private static void prune(ObjectNode node, ObjectNode root, Class<?> type) {
        for (RecordComponent component : type.getRecordComponents()) {
            Key key = of(type, component);
            inside(component, node.get(key.name), (child, record) -> prune(child, root, record));
            if (key.byDefault != null && same(node.get(key.name), key.byDefault.of.apply(root))) {
                node.remove(key.name);
            }
        }
    }

    private static boolean same(@Nullable JsonNode value, JsonNode byDefault) {
        if (value != null && value.isNumber() && byDefault.isNumber()) {
            return value.asDouble() == byDefault.asDouble();
        }
        return byDefault.equals(value);
    }

    /** Does something with an object and the record that it stands for, if it stands for one. */
    private static void inside(
            RecordComponent component, @Nullable JsonNode value, BiConsumer<ObjectNode, Class<?>> action) {
        Class<?> type = item(component);
        Map<String, Class<?>> variants = variants(type);
        if (value instanceof ArrayNode list) {
            list.forEach(item -> inside(component, item, action));
        } else if (value instanceof ObjectNode object && !variants.isEmpty()) {
            JsonTypeInfo info = type.getAnnotation(JsonTypeInfo.class);
            String name = info == null ? "" : object.path(info.property()).asText();
            action.accept(
                    object,
                    variants.getOrDefault(name, variants.values().iterator().next()));
        }
    }

    /** The type of a component, of a list that of its items. */
    private static Class<?> item(RecordComponent component) {
        return component.getGenericType() instanceof ParameterizedType list
                ? (Class<?>) list.getActualTypeArguments()[0]
                : component.getType();
    }

    /** The records that a type can be, by their names; first, by an empty name, the only one or that of all other names. */
    private static Map<String, Class<?>> variants(Class<?> type) {
        Map<String, Class<?>> variants = new LinkedHashMap<>();
        if (type.isRecord()) {
            variants.put("", type);
        }
        JsonTypeInfo info = type.getAnnotation(JsonTypeInfo.class);
        JsonSubTypes types = type.getAnnotation(JsonSubTypes.class);
        if (info != null && types != null) {
            variants.put("", info.defaultImpl());
            for (JsonSubTypes.Type variant : types.value()) {
                variants.put(variant.name(), variant.value());
            }
        }
        return variants;
    }

    /** All keys, for people: path, type, whether it may be left out, and meaning. */
    static String explain() {
        List<String> lines = new ArrayList<>();
        Map<Class<?>, String> told = new HashMap<>();
        explain("", TrainConfig.class, "", told, lines);
        explain("", EncoderConfig.class, "an image encoder's file", told, lines);
        return String.join("\n", lines) + "\n";
    }

    private static void explain(
            String prefix, Class<?> owner, String only, Map<Class<?>, String> told, List<String> lines) {
        for (RecordComponent component : owner.getRecordComponents()) {
            Key key = of(owner, component);
            String path = prefix + key.name;
            Class<?> type = item(component);
            String before = told.get(type);
            lines.add(path + ": " + type(component) + ", "
                    + (key.byDefault == null ? "required" : "default " + key.byDefault.text)
                    + (only.isEmpty() ? "" : "  [" + only + "]"));
            lines.add("    " + key.meaning + (before == null ? "" : "; its keys are those of " + before));
            Map<String, Class<?>> variants = variants(type);
            if (before == null && !variants.isEmpty()) {
                told.put(type, path + (only.isEmpty() ? "" : " [" + only + "]"));
                String below = path + (type == component.getType() ? "." : "[].");
                variants.forEach((name, variant) -> {
                    String which = NAMES.getOrDefault(variant, name);
                    explain(below, variant, which.isEmpty() ? only : which, told, lines);
                });
            }
        }
    }

    private static String type(RecordComponent component) {
        Class<?> type = component.getType();
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .map(constant -> name((Enum<?>) constant))
                    .collect(Collectors.joining(" | "));
        }
        if (type == boolean.class) {
            return "true | false";
        }
        String one = variants(item(component)).isEmpty() ? name(item(component)) : "map";
        if (type == item(component)) {
            return one;
        }
        return component.getName().equals("emaDecay") ? one + ", or a list of them" : "list of " + one + "s";
    }

    private static String name(Class<?> type) {
        if (type == String.class) {
            return "text";
        }
        return type == double.class || type == Double.class ? "number" : "whole number";
    }

    /** As it is written in a file. */
    private static String name(Enum<?> constant) {
        try {
            JsonProperty name =
                    constant.getDeclaringClass().getField(constant.name()).getAnnotation(JsonProperty.class);
            return name == null ? constant.name() : name.value();
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The rows of the table that belong to no record's component, for a test. */
    static List<String> unused() {
        List<String> unused = new ArrayList<>();
        for (Key key : TABLE) {
            for (Class<?> owner : key.owners) {
                if (Arrays.stream(owner.getRecordComponents())
                        .noneMatch(c -> SNAKE_CASE.translate(c.getName()).equals(key.name))) {
                    unused.add(owner.getSimpleName() + "." + key.name);
                }
            }
        }
        return unused;
    }
}
