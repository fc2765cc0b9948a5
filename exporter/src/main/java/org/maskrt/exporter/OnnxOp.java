package org.maskrt.exporter;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The operators that our graphs use: name, domain, arity, attributes, and the opset that introduced the form we emit. Each node is checked
 * against its row when it is made.
 */
public enum OnnxOp {
    ADD("Add", 2, 2, 14),
    SUB("Sub", 2, 2, 14),
    MUL("Mul", 2, 2, 14),
    DIV("Div", 2, 2, 14),
    MATMUL("MatMul", 2, 2, 13),
    EXP("Exp", 1, 1, 13),
    SQRT("Sqrt", 1, 1, 13),
    TANH("Tanh", 1, 1, 13),
    ERF("Erf", 1, 1, 13),
    SIN("Sin", 1, 1, 7),
    COS("Cos", 1, 1, 7),
    SIGMOID("Sigmoid", 1, 1, 13),
    GELU("Gelu", 1, 1, 20, Set.of(), Set.of("approximate")),
    IDENTITY("Identity", 1, 1, 19),
    CAST("Cast", 1, 1, 19, Set.of("to"), Set.of()),
    /** To 8 bits by the range of the values; gives them, the scale and the zero point. */
    DYNAMIC_QUANTIZE_LINEAR("DynamicQuantizeLinear", 1, 1, 11),
    MATMUL_INTEGER("MatMulInteger", 2, 4, 10),
    QUANTIZE_LINEAR("QuantizeLinear", 3, 3, 19),
    DEQUANTIZE_LINEAR("DequantizeLinear", 2, 3, 19, Set.of(), Set.of("axis")),
    RESHAPE("Reshape", 2, 2, 19),
    TRANSPOSE("Transpose", 1, 1, 13, Set.of("perm"), Set.of()),
    CONCAT("Concat", 1, Integer.MAX_VALUE, 13, Set.of("axis"), Set.of()),
    SLICE("Slice", 4, 5, 13),
    SPLIT("Split", 1, 2, 18, Set.of("axis"), Set.of("num_outputs")),
    GATHER("Gather", 2, 2, 13, Set.of("axis"), Set.of()),
    GATHER_ND("GatherND", 2, 2, 13, Set.of("batch_dims"), Set.of()),
    REDUCE_SUM("ReduceSum", 2, 2, 13, Set.of("keepdims"), Set.of()),
    REDUCE_MEAN("ReduceMean", 2, 2, 18, Set.of("keepdims"), Set.of()),
    SOFTMAX("Softmax", 1, 1, 13, Set.of("axis"), Set.of()),
    CONV("Conv", 3, 3, 11, Set.of("strides", "pads"), Set.of()),
    RESIZE("Resize", 3, 3, 19, Set.of("mode", "coordinate_transformation_mode", "nearest_mode"), Set.of()),
    INSTANCE_NORMALIZATION("InstanceNormalization", 3, 3, 6, Set.of("epsilon"), Set.of()),
    LAYER_NORMALIZATION("LayerNormalization", 2, 3, 17, Set.of("axis", "epsilon"), Set.of()),
    /** ONNX Runtime's fused attention (domain com.microsoft). */
    MULTI_HEAD_ATTENTION("MultiHeadAttention", 3, 6, 1, Set.of("num_heads"), Set.of("scale"));

    /** The opset of the default domain that our files declare. */
    public static final int OPSET = 20;

    private final String onnxName;
    private final int minInputs;
    private final int maxInputs;
    private final int sinceOpset;

    @SuppressWarnings("ImmutableEnumChecker") // Set.of gives immutable sets, which their type does not say.
    private final Set<String> required;

    @SuppressWarnings("ImmutableEnumChecker")
    private final Set<String> optional;

    OnnxOp(String onnxName, int minInputs, int maxInputs, int sinceOpset) {
        this(onnxName, minInputs, maxInputs, sinceOpset, Set.of(), Set.of());
    }

    OnnxOp(String onnxName, int minInputs, int maxInputs, int sinceOpset, Set<String> required, Set<String> optional) {
        this.onnxName = onnxName;
        this.minInputs = minInputs;
        this.maxInputs = maxInputs;
        this.sinceOpset = sinceOpset;
        this.required = required;
        this.optional = optional;
    }

    /** As the ONNX specification spells it. */
    public String onnxName() {
        return onnxName;
    }

    /** Empty for the default domain. */
    public String domain() {
        return this == MULTI_HEAD_ATTENTION ? "com.microsoft" : "";
    }

    /** The version of its domain that introduced the form we emit. */
    public int sinceOpset() {
        return sinceOpset;
    }

    /**
     * Checks one call.
     *
     * @throws IllegalArgumentException naming declaration, expected and received, if inputs, outputs or attributes do not fit
     */
    void check(String node, List<?> inputs, int outputs, Map<String, ?> attributes) {
        if (inputs.size() < minInputs || inputs.size() > maxInputs) {
            throw new IllegalArgumentException(
                    declaration(node) + ": expected " + arity() + " inputs, received " + inputs.size());
        }
        int expected = this == DYNAMIC_QUANTIZE_LINEAR ? 3 : 1;
        if (this == SPLIT ? outputs < 1 : outputs != expected) {
            throw new IllegalArgumentException(declaration(node) + ": expected " + expected
                    + (expected == 1 ? " output" : " outputs") + ", received " + outputs);
        }
        Set<String> missing = new TreeSet<>(required);
        missing.removeAll(attributes.keySet());
        Set<String> unknown = new TreeSet<>(attributes.keySet());
        unknown.removeAll(required);
        unknown.removeAll(optional);
        if (!missing.isEmpty() || !unknown.isEmpty()) {
            throw new IllegalArgumentException(declaration(node) + ": expected attributes " + new TreeSet<>(required)
                    + (optional.isEmpty() ? "" : " and optionally " + new TreeSet<>(optional)) + ", received "
                    + new TreeSet<>(attributes.keySet()));
        }
    }

    private String declaration(String node) {
        return node + ": " + onnxName + "-" + sinceOpset;
    }

    private String arity() {
        return minInputs == maxInputs
                ? Integer.toString(minInputs)
                : maxInputs == Integer.MAX_VALUE ? "at least " + minInputs : minInputs + " to " + maxInputs;
    }
}
