package org.maskrt.models.convert;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.layers.SinCosPositions;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/**
 * The DiT of diffusers ({@code DiTTransformer2DModel}, before {@code Transformer2DModel}) under the names of its authors. There each block has
 * its own copy of the embedders, query, key and value are three linears, and the position embedding is not stored.
 */
public final class DiffusersDit {
    private static final String MARK = "transformer_blocks.0.norm1.linear.weight";
    private static final String EMBEDDER = "norm1.emb.";

    private DiffusersDit() {}

    /** Whether the weights carry diffusers' names. */
    public static boolean matches(Weights weights) {
        return weights.keys().contains(MARK);
    }

    /**
     * The same weights as a DiT of its authors. The values are read when they are asked for.
     *
     * @param tokens in a sample, which the weights do not say
     * @throws MaskRtException (FAILURE) if a tensor is left over that no name is known for
     */
    public static Weights renamed(Weights weights, int tokens) {
        Map<String, List<String>> sources = new LinkedHashMap<>();
        TreeSet<String> unknown = new TreeSet<>();
        for (String key : weights.keys()) {
            String name = name(key);
            if (name.isEmpty()) {
                unknown.add(key);
            } else if (!name.equals(COPY)) {
                sources.computeIfAbsent(name, n -> new ArrayList<>()).add(key);
            }
        }
        if (!unknown.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    weights.origin() + ": expected the names of diffusers' DiT, found " + unknown.size() + " others: "
                            + unknown.stream().limit(20).toList());
        }
        sources.values().forEach(DiffusersDit::sort);
        Map<String, Shape> shapes = new LinkedHashMap<>();
        sources.forEach((name, keys) -> shapes.put(name, shape(weights, keys)));
        int width = weights.shape(MARK).dim(1);
        shapes.put("pos_embed", Shape.of(1, tokens, width));
        return Weights.lazy(weights.origin(), shapes, (path, shape) -> {
            if (path.equals("pos_embed")) {
                return Tensor.of(SinCosPositions.of(tokens, width), shape);
            }
            List<String> keys = sources.getOrDefault(path, List.of());
            float[] joined = new float[shape.size()];
            int at = 0;
            for (String key : keys) {
                float[] part = weights.tensor(key).values();
                System.arraycopy(part, 0, joined, at, part.length);
                at += part.length;
            }
            return Tensor.of(joined, shape);
        });
    }

    /** Query, key, value, in this order. */
    private static void sort(List<String> keys) {
        keys.sort((a, b) -> Integer.compare(rank(a), rank(b)));
    }

    private static int rank(String key) {
        return key.contains(".to_q.") ? 0 : key.contains(".to_k.") ? 1 : 2;
    }

    private static Shape shape(Weights weights, List<String> keys) {
        Shape first = weights.shape(keys.get(0));
        int rows = keys.stream().mapToInt(key -> weights.shape(key).dim(0)).sum();
        return first.with(0, rows);
    }

    private static final String COPY = "-";

    /** The author's name of a key, {@link #COPY} for a copy of another tensor, empty for none. */
    private static String name(String key) {
        if (key.startsWith("pos_embed.proj.")) {
            return key.replace("pos_embed.proj.", "x_embedder.proj.");
        }
        if (key.equals("pos_embed.pos_embed")) {
            return COPY;
        }
        if (key.startsWith("proj_out_1.")) {
            return key.replace("proj_out_1.", "final_layer.adaLN_modulation.1.");
        }
        if (key.startsWith("proj_out_2.")) {
            return key.replace("proj_out_2.", "final_layer.linear.");
        }
        String[] parts = key.split("\\.", 3);
        if (parts.length < 3 || !parts[0].equals("transformer_blocks") || !parts[1].matches("\\d{1,4}")) {
            return "";
        }
        String rest = parts[2];
        if (rest.startsWith(EMBEDDER)) {
            return parts[1].equals("0") ? embedder(rest.substring(EMBEDDER.length())) : COPY;
        }
        String inner = rest.replaceFirst("^attn1\\.to_[qkv]\\.", "attn.qkv.")
                .replaceFirst("^attn1\\.to_out\\.0\\.", "attn.proj.")
                .replaceFirst("^ff\\.net\\.0\\.proj\\.", "mlp.fc1.")
                .replaceFirst("^ff\\.net\\.2\\.", "mlp.fc2.")
                .replaceFirst("^norm1\\.linear\\.", "adaLN_modulation.1.");
        return inner.equals(rest) ? "" : "blocks." + parts[1] + "." + inner;
    }

    private static String embedder(String name) {
        return switch (name) {
            case "timestep_embedder.linear_1.weight" -> "t_embedder.mlp.0.weight";
            case "timestep_embedder.linear_1.bias" -> "t_embedder.mlp.0.bias";
            case "timestep_embedder.linear_2.weight" -> "t_embedder.mlp.2.weight";
            case "timestep_embedder.linear_2.bias" -> "t_embedder.mlp.2.bias";
            case "class_embedder.embedding_table.weight" -> "y_embedder.embedding_table.weight";
            default -> "";
        };
    }
}
