package org.maskrt.runtime.trt;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * What TensorRT made of a graph: the list of layers that its inspector gives of an engine.
 *
 * @param layers in the order in which they run
 */
public record EngineLayers(List<Layer> layers) {
    /** How TensorRT names the kernel that is a whole attention. */
    private static final String FUSED_ATTENTION = "_gemm_mha_v2";

    /** A layer names the nodes of the graph that went into it, one after the other. */
    private static final Pattern NODE = Pattern.compile("\\[ONNX Layer: ([^\\]|]*[^\\]|\\s])");

    /** What became of an attention. */
    public enum Fusion {
        /** One kernel. */
        FUSED,
        /** Several kernels, with the products of queries and keys in memory between them. */
        SEPARATE,
        /** The list does not say which nodes went where. */
        UNKNOWN
    }

    /**
     * A kernel, or several that TensorRT does not tell apart.
     *
     * @param type in TensorRT's words; empty where it does not say
     * @param nodes of the ONNX graph that went into it; none where TensorRT does not say
     */
    public record Layer(String name, String type, List<String> nodes) {
        public Layer {
            nodes = List.copyOf(nodes);
        }

        boolean isAttention() {
            return name.contains(FUSED_ATTENTION);
        }

        private boolean has(String start) {
            return nodes.stream().anyMatch(node -> node.startsWith(start));
        }
    }

    public EngineLayers {
        layers = List.copyOf(layers);
    }

    /**
     * The list beside a plan.
     *
     * @throws MaskRtException if there is none, or it is something else
     */
    public static EngineLayers of(Path plan) {
        Path file = EngineSidecar.beside(plan, ".layers.json");
        try {
            return parse(file.toString(), Files.readString(file));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected TensorRT's list of layers, it cannot be read: " + e.getMessage()
                            + "; build the engine again with `maskrt build MODEL --rebuild`",
                    e);
        }
    }

    /**
     * The list in TensorRT's JSON.
     *
     * @param where it is from, for messages
     * @throws MaskRtException if it is something else
     */
    static EngineLayers parse(String where, String json) {
        try {
            List<Layer> layers = new ArrayList<>();
            for (JsonNode layer : EngineJson.MAPPER.readTree(json).path("Layers")) {
                // a plain string without detailed verbosity
                layers.add(
                        layer.isTextual()
                                ? new Layer(layer.asText(), "", List.of())
                                : new Layer(
                                        layer.path("Name").asText(),
                                        layer.path("LayerType").asText(),
                                        nodes(layer.path("Metadata").asText())));
            }
            return new EngineLayers(layers);
        } catch (JsonProcessingException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    where + ": expected TensorRT's list of layers as JSON, got '"
                            + json.substring(0, Math.min(80, json.length())).replaceAll("\\s+", " ")
                            + "'; please report it",
                    e);
        }
    }

    private static List<String> nodes(String metadata) {
        List<String> nodes = new ArrayList<>();
        Matcher node = NODE.matcher(metadata);
        while (node.find()) {
            nodes.add(node.group(1));
        }
        return nodes;
    }

    /** The kernels that are a whole attention. */
    public int fusedAttentions() {
        return (int) layers.stream().filter(Layer::isAttention).count();
    }

    /**
     * What became of an attention.
     *
     * @param path of it in the model, such as {@code blocks.3.attn}, which begins the names of its nodes
     */
    public Fusion attention(String path) {
        String softmax = path + "/Softmax";
        for (Layer layer : layers) {
            if (layer.has(softmax)) {
                return layer.isAttention() ? Fusion.FUSED : Fusion.SEPARATE;
            }
        }
        return Fusion.UNKNOWN;
    }
}
