package org.maskrt.models.weights;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.weights.Weights.Renaming;

/**
 * Weights that other projects publish, under the names of our models. A name that is not known stays as it is, so that a check lists it; what is
 * known to have no part in the model is left out.
 */
public final class ForeignNames {
    private static final int ANY_RANK = Integer.MAX_VALUE;
    /** The layers of attention in an autoencoder, which were convolutions over single pixels once. */
    private static final Pattern LINEAR = Pattern.compile(".*\\.attentions\\.0\\.to_(q|k|v|out\\.0)\\.weight");

    private static final String CLASS_TOKEN = "cls_token";
    private static final String TRANSFORMERS = "embeddings.";
    private static final Pattern ENCODER_LAYER = Pattern.compile("encoder\\.layer\\.(\\d{1,5})\\.(.*)");
    private static final List<Map.Entry<String, String>> LAYER_PARTS = List.of(
            Map.entry("attention.attention.query.", "attn.qkv."),
            Map.entry("attention.attention.key.", "attn.qkv."),
            Map.entry("attention.attention.value.", "attn.qkv."),
            Map.entry("attention.q_proj.", "attn.qkv."),
            Map.entry("attention.k_proj.", "attn.qkv."),
            Map.entry("attention.v_proj.", "attn.qkv."),
            Map.entry("attention.output.dense.", "attn.proj."),
            Map.entry("attention.o_proj.", "attn.proj."),
            Map.entry("layer_scale1.lambda1", "ls1.gamma"),
            Map.entry("layer_scale2.lambda1", "ls2.gamma"),
            Map.entry("mlp.weights_in.", "mlp.w12."),
            Map.entry("mlp.gate_proj.", "mlp.w12."),
            Map.entry("mlp.up_proj.", "mlp.w12."),
            Map.entry("mlp.weights_out.", "mlp.w3."),
            Map.entry("mlp.down_proj.", "mlp.w3."));

    private static final String FIRST_STAGE = "first_stage_model.";
    private static final Pattern LEVEL = Pattern.compile("(encoder|decoder)\\.(down|up)\\.(\\d{1,3})\\.(.*)");
    private static final Pattern OLD_ATTENTION =
            Pattern.compile("(.*mid_block\\.attentions\\.0\\.)(query|key|value|proj_attn)(\\..*)");

    private ForeignNames() {}

    /**
     * DINOv2 as its authors name it, from {@code transformers} (a {@code Dinov2Model} or {@code Dinov2WithRegistersModel}, also as a part of
     * another model) or from its authors. The mask token of its training is left out.
     */
    public static Weights imageEncoder(Weights stored) {
        String root = stored.keys().stream()
                .filter(key -> key.equals(CLASS_TOKEN) || key.endsWith("." + CLASS_TOKEN))
                .findFirst()
                .map(key -> key.substring(0, key.length() - CLASS_TOKEN.length()))
                .orElse("");
        boolean isTransformers = root.endsWith(TRANSFORMERS);
        String prefix = isTransformers ? root.substring(0, root.length() - TRANSFORMERS.length()) : root;
        Map<String, Map<Integer, String>> sources = new LinkedHashMap<>();
        for (String key : stored.keys()) {
            if (!key.startsWith(prefix)) {
                continue;
            }
            String inner = key.substring(prefix.length());
            if (!inner.equals("mask_token") && !inner.equals(TRANSFORMERS + "mask_token")) {
                put(sources, isTransformers ? ofTransformers(inner) : inner, rank(inner), key);
            }
        }
        return renamed(stored, sources);
    }

    private static String ofTransformers(String key) {
        Matcher layer = ENCODER_LAYER.matcher(key);
        if (layer.matches()) {
            String rest = layer.group(2);
            for (Map.Entry<String, String> part : LAYER_PARTS) {
                if (rest.startsWith(part.getKey())) {
                    rest = part.getValue() + rest.substring(part.getKey().length());
                    break;
                }
            }
            return "blocks." + layer.group(1) + "." + rest;
        }
        if (key.startsWith("layernorm.")) {
            return key.substring("layer".length());
        }
        return switch (key) {
            case "embeddings.cls_token" -> CLASS_TOKEN;
            case "embeddings.position_embeddings" -> "pos_embed";
            case "embeddings.register_tokens" -> "register_tokens";
            case "embeddings.patch_embeddings.projection.weight" -> "patch_embed.proj.weight";
            case "embeddings.patch_embeddings.projection.bias" -> "patch_embed.proj.bias";
            default -> key;
        };
    }

    /** The place of a part among those that are joined: query, key, value; gate, then the gated. */
    private static int rank(String key) {
        if (key.contains(".key.") || key.contains(".k_proj.") || key.contains(".up_proj.")) {
            return 1;
        }
        return key.contains(".value.") || key.contains(".v_proj.") ? 2 : 0;
    }

    /**
     * AutoencoderKL as diffusers names it, from the autoencoder of CompVis, alone or as {@code first_stage_model} of a whole model, or from
     * diffusers before 0.17, which names the projections of its attentions otherwise. Losses and averages of training are left out.
     */
    public static Weights autoencoder(Weights stored) {
        boolean isPart = stored.keys().stream().anyMatch(key -> key.startsWith(FIRST_STAGE));
        int levels = 0;
        for (String key : stored.keys()) {
            Matcher level =
                    LEVEL.matcher(isPart && key.startsWith(FIRST_STAGE) ? key.substring(FIRST_STAGE.length()) : key);
            if (level.matches()) {
                levels = Math.max(levels, Integer.parseInt(level.group(3)) + 1);
            }
        }
        Map<String, Map<Integer, String>> sources = new LinkedHashMap<>();
        for (String key : stored.keys()) {
            if (isPart && !key.startsWith(FIRST_STAGE)) {
                continue;
            }
            String inner = isPart ? key.substring(FIRST_STAGE.length()) : key;
            if (!inner.startsWith("loss.") && !inner.startsWith("model_ema.")) {
                put(sources, ofCompVis(inner, levels), 0, key);
            }
        }
        return renamed(stored, sources);
    }

    private static String ofCompVis(String key, int levels) {
        Matcher old = OLD_ATTENTION.matcher(key);
        if (old.matches()) {
            return old.group(1)
                    + switch (old.group(2)) {
                        case "query" -> "to_q";
                        case "key" -> "to_k";
                        case "value" -> "to_v";
                        default -> "to_out.0";
                    }
                    + old.group(3);
        }
        Matcher level = LEVEL.matcher(key);
        if (level.matches()) {
            int index = Integer.parseInt(level.group(3));
            String blocks =
                    level.group(2).equals("down") ? "down_blocks." + index : "up_blocks." + (levels - 1 - index);
            String rest = level.group(4)
                    .replaceFirst("^block\\.", "resnets.")
                    .replaceFirst("\\.nin_shortcut\\.", ".conv_shortcut.")
                    .replaceFirst("^downsample\\.", "downsamplers.0.")
                    .replaceFirst("^upsample\\.", "upsamplers.0.");
            return level.group(1) + "." + blocks + "." + rest;
        }
        return key.replaceFirst("^(encoder|decoder)\\.norm_out\\.", "$1.conv_norm_out.")
                .replaceFirst("^(encoder|decoder)\\.mid\\.block_1\\.", "$1.mid_block.resnets.0.")
                .replaceFirst("^(encoder|decoder)\\.mid\\.block_2\\.", "$1.mid_block.resnets.1.")
                .replaceFirst("^(encoder|decoder)\\.mid\\.attn_1\\.norm\\.", "$1.mid_block.attentions.0.group_norm.")
                .replaceFirst("^(encoder|decoder)\\.mid\\.attn_1\\.([qkv])\\.", "$1.mid_block.attentions.0.to_$2.")
                .replaceFirst("^(encoder|decoder)\\.mid\\.attn_1\\.proj_out\\.", "$1.mid_block.attentions.0.to_out.0.");
    }

    private static void put(Map<String, Map<Integer, String>> sources, String name, int place, String key) {
        Map<Integer, String> parts = sources.computeIfAbsent(name, n -> new TreeMap<>());
        if (parts.putIfAbsent(place, key) != null) {
            sources.computeIfAbsent(key, n -> new TreeMap<>()).put(0, key);
        }
    }

    private static Weights renamed(Weights stored, Map<String, Map<Integer, String>> sources) {
        Map<String, Renaming> names = new LinkedHashMap<>();
        sources.forEach((name, parts) -> {
            List<String> keys = List.copyOf(parts.values());
            if (keys.size() == 1 || canJoin(stored, keys)) {
                names.put(name, new Renaming(keys, LINEAR.matcher(name).matches() ? 2 : ANY_RANK));
            } else {
                keys.forEach(key -> names.put(key, new Renaming(List.of(key), ANY_RANK)));
            }
        });
        return stored.renamed(names);
    }

    private static boolean canJoin(Weights stored, List<String> keys) {
        return keys.stream()
                .allMatch(key -> stored.shape(key).rank() > 0
                        && !stored.dtype(key).isIndices()
                        && stored.shape(key)
                                .with(0, 1)
                                .equals(stored.shape(keys.get(0)).with(0, 1)));
    }
}
