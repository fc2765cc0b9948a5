package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.NamingBase;
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
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.trainer.DenoiserTraining.MaskDitSizes;
import org.maskrt.trainer.DenoiserTraining.Preview;
import org.maskrt.trainer.DenoiserTraining.Sizes;

/** The one table of the keys of a training configuration: what each means, and what it is where a file does not say. */
final class TrainKeys {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final NamingBase SNAKE_CASE = (NamingBase) PropertyNamingStrategies.SNAKE_CASE;
    private static final String FAMILIES = "dit, mdt-v1, mdt-v2";

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
            key(TrainConfig.class, "seed", "of everything random; every draw is a function of the seed and the step"),
            key(TrainConfig.class, "data", "the pictures"),
            key(TrainConfig.class, "autoencoder", "the first stage"),
            key(TrainConfig.class, "transformer", "the second stage, on the latents of the first"),
            key(TrainConfig.class, "pace", "how often to save and to show"),
            key(
                    DataConfig.class,
                    "source",
                    "shapes (drawn pictures of ten classes), or a folder of pictures: a sub-folder for each class, or files"
                            + " ClassID_anything.jpg"),
            key(DataConfig.class, "images", "how many shapes to draw; not used for a folder"),
            key(
                    DataConfig.class,
                    "classes",
                    "number of classes of a folder, 0 to take it from the names; not used for shapes"),
            key(
                    DataConfig.class,
                    "size",
                    "pixels; pictures are cropped to the centre and resized to this height and width"),
            key(DataConfig.class, "mirror", "whether half of the pictures are flipped left to right"),
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
                    Set.of(AutoencoderTraining.class, DenoiserTraining.class),
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
            key(
                    Set.of(Sizes.class, MaskDitSizes.class),
                    "family",
                    "dit, mdt-v1, mdt-v2 or maskdit; decides which keys there are",
                    null),
            key(Set.of(Sizes.class, MaskDitSizes.class), "patch_size", "P: a token is P x P of the latent", null),
            key(Set.of(Sizes.class, MaskDitSizes.class), "hidden_size", "D, the width of a token", null),
            key(Set.of(Sizes.class, MaskDitSizes.class), "depth", "number of blocks", null),
            key(Set.of(Sizes.class, MaskDitSizes.class), "num_heads", "of each attention", null),
            key(Set.of(Sizes.class, MaskDitSizes.class), "mlp_ratio", "hidden width of each MLP over D", null),
            key(Sizes.class, "decode_layer", "blocks after the side-interpolater; 0 for a dit"),
            key(Sizes.class, "mask_ratio", "of the tokens that the masked pass hides; 0 trains without that pass"),
            key(
                    Set.of(Sizes.class),
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
    static void complete(ObjectNode root) {
        complete(root, root, TrainConfig.class);
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
    static void prune(ObjectNode root) {
        prune(root, root.deepCopy(), TrainConfig.class);
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
        Map<String, Class<?>> variants = variants(component.getType());
        if (value instanceof ObjectNode object && !variants.isEmpty()) {
            Class<?> other = variants.values().iterator().next();
            action.accept(object, variants.getOrDefault(object.path("family").asText(), other));
        }
    }

    /** The records that a component can be, by their family; first, by an empty name, the only one or that of all other families. */
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
        explain("", TrainConfig.class, "", new HashMap<>(), lines);
        return String.join("\n", lines) + "\n";
    }

    private static void explain(
            String prefix, Class<?> owner, String families, Map<Class<?>, String> told, List<String> lines) {
        for (RecordComponent component : owner.getRecordComponents()) {
            Key key = of(owner, component);
            String path = prefix + key.name;
            Map<String, Class<?>> variants = variants(component.getType());
            String before = told.get(component.getType());
            lines.add(path + ": " + type(component) + ", "
                    + (key.byDefault == null ? "required" : "default " + key.byDefault.text)
                    + (families.isEmpty() ? "" : "  [" + families + "]"));
            lines.add("    " + key.meaning + (before == null ? "" : "; its keys are those of " + before));
            if (before == null && !variants.isEmpty()) {
                told.put(component.getType(), path);
                variants.forEach((name, variant) -> explain(
                        path + ".",
                        variant,
                        variants.size() == 1 ? families : name.isEmpty() ? FAMILIES : name,
                        told,
                        lines));
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
        if (component.getGenericType() instanceof ParameterizedType list) {
            String item = name((Class<?>) list.getActualTypeArguments()[0]);
            return component.getName().equals("emaDecay") ? item + ", or a list of them" : "list of " + item + "s";
        }
        return variants(type).isEmpty() ? name(type) : "map";
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
