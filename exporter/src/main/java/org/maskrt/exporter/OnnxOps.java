package org.maskrt.exporter;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Bias;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.exporter.GraphStyle.Target;
import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/**
 * The interpreter that emits ONNX nodes. What depends on constants alone is folded: no node, but a constant computed by {@link ReferenceOps}
 * when the file is written. So linear weights are stored [in,out], and a relative position bias is stored gathered, [1,H,N,N].
 *
 * <p>A node belongs to the layer whose parameter it reads; one that reads none belongs to the layer before it, and a normalisation to the layer
 * it prepares.
 */
public final class OnnxOps implements Ops<OnnxValue> {
    private static final ReferenceOps REFERENCE = new ReferenceOps();

    /** Layers that keep fp32 in a graph of another type: small, first or last, or, MaskDiT's {@code decoder_layer}, all that the residual stream passes through. */
    private static final Pattern FP32_LAYER =
            Pattern.compile(".*\\b(x_embedder|t_embedder|final_layer|decoder_layer|adaLN_modulation|ccnet)\\b.*");

    /** Through it the residual stream passes too: 16-bit graphs keep it in fp32, whose range they lack. */
    private static final Pattern SKIP = Pattern.compile(".*\\bskip_linear");

    private final OnnxGraph graph;
    private final GraphStyle style;
    private final Map<List<Object>, OnnxValue> literals = new HashMap<>();
    private final Map<OnnxValue, List<OnnxValue>> joined = new HashMap<>();
    private String path = OnnxGraph.SAME;

    public OnnxOps(OnnxGraph graph, GraphStyle style) {
        this.graph = graph;
        this.style = style;
    }

    /**
     * Weights as constants of the graph, read when the file is written. A path that they lack, or hold in another shape, is an
     * {@link IllegalArgumentException} here.
     */
    public Params<OnnxValue> params(Weights weights) {
        Map<String, OnnxValue> known = new HashMap<>();
        return Params.of((at, shape) -> known.computeIfAbsent(at, key -> {
            if (!weights.shape(key).equals(shape)) {
                throw new IllegalArgumentException(weights.origin() + ": expected " + key + " of shape " + shape
                        + ", received " + weights.shape(key));
            }
            return new OnnxValue(shape, OnnxType.FLOAT, LazyTensor.weight(key, weights));
        }));
    }

    /** Declares {@code value} an output of the graph, in fp32 if it holds values. */
    public void output(String name, OnnxValue value) {
        graph.output(name, value.type() == OnnxType.INT64 ? value : as(OnnxType.FLOAT, value));
    }

    @Override
    public OnnxValue constant(float[] values, int... dims) {
        return literal(Tensor.of(values, dims), Arrays.toString(values));
    }

    @Override
    public OnnxValue indices(long[] values, int... dims) {
        return literal(Tensor.ofIndices(values, dims), Arrays.toString(values));
    }

    private OnnxValue literal(Tensor value, String content) {
        OnnxType type = value.isIndices() ? OnnxType.INT64 : OnnxType.FLOAT;
        return literals.computeIfAbsent(
                List.of(type, value.shape(), content),
                key -> new OnnxValue(value.shape(), type, LazyTensor.literal(value)));
    }

    private OnnxValue shapeOf(int... dims) {
        return indices(IntStream.of(dims).mapToLong(d -> d < 0 ? -1 : d).toArray(), dims.length);
    }

    @Override
    public Shape shape(OnnxValue x) {
        return x.shape();
    }

    @Override
    public OnnxValue reshape(OnnxValue x, int... dims) {
        Shape to = Shape.reshape(x.shape(), dims);
        if (to.equals(x.shape())) {
            return x;
        }
        if (x.isConstant()) {
            return fold(to, List.of(x), in -> REFERENCE.reshape(in.get(0), dims));
        }
        return node(OnnxOp.RESHAPE, List.of(x, shapeOf(to.dims())), Map.of(), OnnxValue.of(to, x.type()));
    }

    @Override
    public OnnxValue transpose(OnnxValue x, int... perm) {
        Shape to = x.shape().permute(perm);
        if (x.isConstant()) {
            return fold(to, List.of(x), in -> REFERENCE.transpose(in.get(0), perm));
        }
        long[] axes = IntStream.of(perm).mapToLong(a -> x.shape().axis(a)).toArray();
        return node(OnnxOp.TRANSPOSE, List.of(x), Map.of("perm", axes), OnnxValue.of(to, x.type()));
    }

    /** On the batch axis the result's length is symbolic too. */
    @Override
    public OnnxValue concat(int axis, List<OnnxValue> parts) {
        Shape first = parts.get(0).shape();
        int a = first.axis(axis);
        int length = 0;
        for (OnnxValue part : parts) {
            if (!part.shape().with(a, 1).equals(first.with(a, 1))) {
                throw new IllegalArgumentException(
                        "concat on axis " + a + " needs equal other axes, got " + first + " and " + part.shape());
            }
            length = length < 0 || part.shape().dim(a) < 0
                    ? Shape.BATCH
                    : length + part.shape().dim(a);
        }
        Shape to = first.with(a, length);
        if (parts.stream().allMatch(OnnxValue::isConstant)) {
            return fold(to, parts, in -> REFERENCE.concat(a, in));
        }
        OnnxType type = common(parts);
        List<OnnxValue> in = parts.stream().map(part -> as(type, part)).toList();
        OnnxValue whole = node(OnnxOp.CONCAT, new ArrayList<>(in), Map.of("axis", (long) a), OnnxValue.of(to, type));
        if (a == to.rank() - 1) {
            joined.put(whole, in);
        }
        return whole;
    }

    @Override
    public OnnxValue slice(OnnxValue x, int axis, int from, int to) {
        int a = x.shape().axis(axis);
        if (from < 0 || to > x.shape().dim(a) || from >= to) {
            throw new IllegalArgumentException(
                    "slice [" + from + ", " + to + ") is outside axis " + a + " of the shape " + x.shape());
        }
        Shape shape = x.shape().with(a, to - from);
        if (x.isConstant()) {
            return fold(shape, List.of(x), in -> REFERENCE.slice(in.get(0), a, from, to));
        }
        return node(
                OnnxOp.SLICE,
                List.of(x, shapeOf(from), shapeOf(to), shapeOf(a)),
                Map.of(),
                OnnxValue.of(shape, x.type()));
    }

    /** A symbolic axis is cut into equal parts: each of {@code sizes} is then that symbol. */
    @Override
    public List<OnnxValue> split(OnnxValue x, int axis, int... sizes) {
        if (x.isConstant()) {
            return Ops.super.split(x, axis, sizes);
        }
        int a = x.shape().axis(axis);
        int length = x.shape().dim(a);
        boolean equalParts = length < 0 && IntStream.of(sizes).allMatch(size -> size == length);
        if (!equalParts && IntStream.of(sizes).sum() != length) {
            throw new IllegalArgumentException(
                    "split of axis " + a + " of " + x.shape() + " into " + Arrays.toString(sizes) + " leaves a rest");
        }
        List<OnnxValue> parts = new ArrayList<>();
        for (int size : sizes) {
            parts.add(OnnxValue.of(x.shape().with(a, size), x.type()));
        }
        if (equalParts) {
            graph.add(
                    OnnxOp.SPLIT,
                    path,
                    List.of(x),
                    Map.of("axis", (long) a, "num_outputs", (long) sizes.length),
                    parts);
        } else {
            graph.add(OnnxOp.SPLIT, path, List.of(x, shapeOf(sizes)), Map.of("axis", (long) a), parts);
        }
        return parts;
    }

    @Override
    public OnnxValue add(OnnxValue a, OnnxValue b) {
        return binary(OnnxOp.ADD, a, b, in -> REFERENCE.add(in.get(0), in.get(1)));
    }

    @Override
    public OnnxValue sub(OnnxValue a, OnnxValue b) {
        return binary(OnnxOp.SUB, a, b, in -> REFERENCE.sub(in.get(0), in.get(1)));
    }

    @Override
    public OnnxValue mul(OnnxValue a, OnnxValue b) {
        return binary(OnnxOp.MUL, a, b, in -> REFERENCE.mul(in.get(0), in.get(1)));
    }

    @Override
    public OnnxValue div(OnnxValue a, OnnxValue b) {
        return binary(OnnxOp.DIV, a, b, in -> REFERENCE.div(in.get(0), in.get(1)));
    }

    @Override
    public OnnxValue matmul(OnnxValue a, OnnxValue b) {
        Shape to = Shape.matmul(a.shape(), b.shape());
        return binary(OnnxOp.MATMUL, a, b, to, in -> REFERENCE.matmul(in.get(0), in.get(1)));
    }

    private OnnxValue binary(OnnxOp op, OnnxValue a, OnnxValue b, Function<List<Tensor>, Tensor> reference) {
        return binary(op, a, b, Shape.broadcast(a.shape(), b.shape()), reference);
    }

    private OnnxValue binary(OnnxOp op, OnnxValue a, OnnxValue b, Shape to, Function<List<Tensor>, Tensor> reference) {
        if (a.isConstant() && b.isConstant()) {
            return fold(to, List.of(a, b), reference);
        }
        OnnxType type = common(List.of(a, b));
        return node(op, List.of(as(type, a), as(type, b)), Map.of(), OnnxValue.of(to, type));
    }

    @Override
    public OnnxValue sum(OnnxValue x, int axis) {
        int a = x.shape().axis(axis);
        Shape to = x.shape().with(a, 1);
        if (x.isConstant()) {
            return fold(to, List.of(x), in -> REFERENCE.sum(in.get(0), a));
        }
        return reduce(OnnxOp.REDUCE_SUM, x, a);
    }

    @Override
    public OnnxValue mean(OnnxValue x, int axis) {
        return x.isConstant()
                ? Ops.super.mean(x, axis)
                : reduce(OnnxOp.REDUCE_MEAN, x, x.shape().axis(axis));
    }

    private OnnxValue reduce(OnnxOp op, OnnxValue x, int axis) {
        OnnxValue out = OnnxValue.of(x.shape().with(axis, 1), x.type());
        return node(op, List.of(x, shapeOf(axis)), Map.of("keepdims", 1L), out);
    }

    @Override
    public OnnxValue exp(OnnxValue x) {
        return unary(OnnxOp.EXP, x, REFERENCE::exp);
    }

    @Override
    public OnnxValue sqrt(OnnxValue x) {
        return unary(OnnxOp.SQRT, x, REFERENCE::sqrt);
    }

    @Override
    public OnnxValue tanh(OnnxValue x) {
        return unary(OnnxOp.TANH, x, REFERENCE::tanh);
    }

    @Override
    public OnnxValue erf(OnnxValue x) {
        return unary(OnnxOp.ERF, x, REFERENCE::erf);
    }

    @Override
    public OnnxValue sin(OnnxValue x) {
        return unary(OnnxOp.SIN, x, REFERENCE::sin);
    }

    @Override
    public OnnxValue cos(OnnxValue x) {
        return unary(OnnxOp.COS, x, REFERENCE::cos);
    }

    private OnnxValue unary(OnnxOp op, OnnxValue x, Function<Tensor, Tensor> reference) {
        return unary(op, x, Map.of(), reference);
    }

    private OnnxValue unary(
            OnnxOp op, OnnxValue x, Map<String, Object> attributes, Function<Tensor, Tensor> reference) {
        if (x.isConstant()) {
            return fold(x.shape(), List.of(x), in -> reference.apply(in.get(0)));
        }
        return node(op, List.of(x), attributes, OnnxValue.of(x.shape(), x.type()));
    }

    @Override
    public OnnxValue rows(OnnxValue table, OnnxValue indices) {
        int[] at = indices.shape().dims();
        int[] dims = Arrays.copyOf(at, at.length + 1);
        dims[at.length] = table.shape().dim(1);
        Shape to = Shape.of(dims);
        boolean constant = table.isConstant() && indices.isConstant();
        if (constant && style.bias() == Bias.CONSTANT) {
            return fold(to, List.of(table, indices), in -> REFERENCE.rows(in.get(0), in.get(1)));
        }
        // Nothing but a bias of logits reads a table at constant places.
        OnnxValue typed = constant ? as(style.precision().type(), table) : table;
        return node(OnnxOp.GATHER, List.of(typed, indices), Map.of("axis", 0L), OnnxValue.of(to, typed.type()));
    }

    @Override
    public OnnxValue takeTokens(OnnxValue x, OnnxValue indices) {
        int kept = indices.shape().dim(1);
        Shape to = x.shape().with(1, kept);
        if (x.isConstant() && indices.isConstant()) {
            return fold(to, List.of(x, indices), in -> REFERENCE.takeTokens(in.get(0), in.get(1)));
        }
        OnnxValue each = reshape(indices, Shape.BATCH, kept, 1);
        return node(OnnxOp.GATHER_ND, List.of(x, each), Map.of("batch_dims", 1L), OnnxValue.of(to, x.type()));
    }

    @Override
    public OnnxValue softmax(OnnxValue x) {
        return unary(OnnxOp.SOFTMAX, x, Map.of("axis", -1L), REFERENCE::softmax);
    }

    @Override
    public OnnxValue conv2d(OnnxValue x, OnnxValue weight, OnnxValue bias, Conv2d g) {
        Shape to = g.shape(x.shape(), weight.shape());
        if (x.isConstant() && weight.isConstant() && bias.isConstant()) {
            return fold(to, List.of(x, weight, bias), in -> REFERENCE.conv2d(in.get(0), in.get(1), in.get(2), g));
        }
        OnnxType type = common(List.of(x, weight, bias));
        Map<String, Object> attributes = Map.of(
                "strides", new long[] {g.stride(), g.stride()},
                "pads", new long[] {g.top(), g.left(), g.bottom(), g.right()});
        return node(
                OnnxOp.CONV,
                List.of(as(type, x), as(type, weight), as(type, bias)),
                attributes,
                OnnxValue.of(to, type));
    }

    @Override
    public OnnxValue stopGradient(OnnxValue x) {
        return x;
    }

    @Override
    public OnnxValue linear(Params<OnnxValue> p, OnnxValue x, int in, int out) {
        boolean fp32 = FP32_LAYER.matcher(p.path()).matches();
        boolean quantised = style.precision() == Precision.INT8 && !fp32 && !x.isConstant();
        return within(
                p.path(),
                () -> quantised
                        ? quantisedLinear(p, x, in, out)
                        : Ops.super.linear(p, x.isConstant() ? x : as(typeOf(p.path()), x), in, out));
    }

    /** Of the products of the linear at {@code linear}. */
    OnnxType typeOf(String linear) {
        return FP32_LAYER.matcher(linear).matches() || SKIP.matcher(linear).matches()
                ? OnnxType.FLOAT
                : style.precision().type();
    }

    /** What {@code body} gives; its nodes belong to the layer {@code at}. */
    <V> V within(String at, Supplier<V> body) {
        String outer = path;
        path = at;
        V y = body.get();
        path = outer;
        return y;
    }

    /** The parts of what was concatenated have a product each, and so their own ranges: the two sides of a long skip differ in size. */
    private OnnxValue quantisedLinear(Params<OnnxValue> p, OnnxValue x, int in, int out) {
        OnnxValue weight = transpose(p.get("weight", out, in), 1, 0);
        OnnxValue bias = p.get("bias", out);
        List<OnnxValue> parts = joined.getOrDefault(x, List.of());
        if (parts.isEmpty()) {
            return add(quantisedProduct(p.path(), x, weight), bias);
        }
        List<OnnxValue> products = new ArrayList<>();
        int from = 0;
        for (OnnxValue part : parts) {
            int to = from + part.shape().dim(-1);
            products.add(quantisedProduct(p.path() + "." + from, part, slice(weight, 0, from, to)));
            from = to;
        }
        return add(products.stream().reduce(this::add).orElseThrow(), bias);
    }

    /** In the order of operations that ONNX Runtime fuses into one, with a bias that follows: sum, scales. */
    private OnnxValue quantisedProduct(String name, OnnxValue x, OnnxValue weight) {
        OnnxValue levels = new OnnxValue(
                weight.shape(),
                OnnxType.INT8,
                LazyTensor.of(List.of(constantOf(weight)), w -> Quantisation.levels(w.get(0)))
                        .named(name + ".weight"));
        OnnxValue scales = new OnnxValue(
                Shape.of(weight.shape().dim(1)),
                OnnxType.FLOAT,
                LazyTensor.of(List.of(constantOf(weight)), w -> Quantisation.scales(w.get(0)))
                        .named(name + ".weight_scale"));
        OnnxValue quantised = OnnxValue.of(x.shape(), OnnxType.UINT8);
        OnnxValue scale = OnnxValue.of(Shape.of(), OnnxType.FLOAT);
        OnnxValue zero = OnnxValue.of(Shape.of(), OnnxType.UINT8);
        graph.add(
                OnnxOp.DYNAMIC_QUANTIZE_LINEAR,
                path,
                List.of(as(OnnxType.FLOAT, x)),
                Map.of(),
                List.of(quantised, scale, zero));
        Shape to = Shape.matmul(x.shape(), weight.shape());
        OnnxValue sum = node(
                OnnxOp.MATMUL_INTEGER, List.of(quantised, levels, zero), Map.of(), OnnxValue.of(to, OnnxType.INT32));
        return mul(as(OnnxType.FLOAT, sum), mul(scale, scales));
    }

    @Override
    public OnnxValue sigmoid(OnnxValue x) {
        return x.isConstant()
                ? Ops.super.sigmoid(x)
                : node(OnnxOp.SIGMOID, List.of(x), Map.of(), OnnxValue.of(x.shape(), x.type()));
    }

    @Override
    public OnnxValue gelu(OnnxValue x) {
        return unary(OnnxOp.GELU, x, Map.of("approximate", "none"), REFERENCE::gelu);
    }

    @Override
    public OnnxValue geluTanh(OnnxValue x) {
        return unary(OnnxOp.GELU, x, Map.of("approximate", "tanh"), REFERENCE::geluTanh);
    }

    @Override
    public OnnxValue layerNorm(OnnxValue x, float eps) {
        if (x.isConstant()) {
            return Ops.super.layerNorm(x, eps);
        }
        String outer = path;
        path = OnnxGraph.NEXT;
        OnnxValue y = normalise(as(OnnxType.FLOAT, x), eps);
        path = outer;
        return y;
    }

    private OnnxValue normalise(OnnxValue x, float eps) {
        boolean tokens = x.shape().rank() == 3 && x.shape().dim(1) > 0;
        if (style.target() == Target.ONNXRUNTIME && tokens) {
            return instanceNorm(x, eps);
        }
        int width = x.shape().dim(-1);
        return node(
                OnnxOp.LAYER_NORMALIZATION,
                List.of(x, full(1, width), full(0, width)),
                Map.of("axis", -1L, "epsilon", eps),
                OnnxValue.of(x.shape(), x.type()));
    }

    /** [B,N,D] normalised over D. */
    private OnnxValue instanceNorm(OnnxValue x, float eps) {
        int channels = x.shape().dim(1);
        return node(
                OnnxOp.INSTANCE_NORMALIZATION,
                List.of(x, full(1, channels), full(0, channels)),
                Map.of("epsilon", eps),
                OnnxValue.of(x.shape(), x.type()));
    }

    private OnnxValue full(float value, int length) {
        float[] values = new float[length];
        Arrays.fill(values, value);
        return constant(values, length);
    }

    @Override
    public OnnxValue adaLayerNorm(OnnxValue x, OnnxValue shift, OnnxValue onePlusScale, float eps) {
        String outer = path;
        path = OnnxGraph.NEXT;
        OnnxValue y = Ops.super.adaLayerNorm(x, shift, onePlusScale, eps);
        path = outer;
        return y;
    }

    @Override
    public OnnxValue groupNorm(Params<OnnxValue> p, OnnxValue x, int groups, float eps) {
        if (x.isConstant()) {
            return Ops.super.groupNorm(p, x, groups, eps);
        }
        Shape s = x.shape();
        int c = s.dim(1);
        String outer = path;
        path = p.path();
        OnnxValue grouped = reshape(x, Shape.BATCH, groups, c / groups * s.dim(2) * s.dim(3));
        OnnxValue normal = reshape(instanceNorm(as(OnnxType.FLOAT, grouped), eps), Shape.BATCH, c, s.dim(2), s.dim(3));
        OnnxValue y = add(mul(normal, reshape(p.get("weight", c), c, 1, 1)), reshape(p.get("bias", c), c, 1, 1));
        path = outer;
        return y;
    }

    @Override
    public OnnxValue upsampleNearest2x(OnnxValue x) {
        if (x.isConstant()) {
            return Ops.super.upsampleNearest2x(x);
        }
        Shape s = x.shape();
        Map<String, Object> attributes =
                Map.of("mode", "nearest", "coordinate_transformation_mode", "asymmetric", "nearest_mode", "floor");
        return node(
                OnnxOp.RESIZE,
                Arrays.asList(x, null, constant(new float[] {1, 1, 2, 2}, 4)),
                attributes,
                OnnxValue.of(Shape.of(s.dim(0), s.dim(1), 2 * s.dim(2), 2 * s.dim(3)), x.type()));
    }

    @Override
    public OnnxValue attention(String at, OnnxValue q, OnnxValue k, OnnxValue v, int heads, @Nullable OnnxValue bias) {
        String outer = path;
        path = at;
        boolean fused = style.attention() == Attention.ORT_MHA && !(q.isConstant() || k.isConstant() || v.isConstant());
        OnnxValue y = fused ? multiHead(q, k, v, heads, bias) : Ops.super.attention(at, q, k, v, heads, bias);
        path = outer;
        return y;
    }

    /** The bias takes the type of the queries: a cast before the softmax would keep TensorRT from fusing the attention. */
    @Override
    public OnnxValue attend(String at, OnnxValue q, OnnxValue k, OnnxValue v, int heads, @Nullable OnnxValue bias) {
        String outer = path;
        path = at;
        OnnxValue typed = bias == null || q.isConstant() ? bias : as(q.type(), bias);
        OnnxValue y = Ops.super.attend(at, q, k, v, heads, typed);
        path = outer;
        return y;
    }

    /** For TensorRT the rows of {@code qkv} that give queries hold the 1/sqrt(d): no operation comes between the product and the bias. */
    @Override
    public OnnxValue selfAttention(Params<OnnxValue> p, OnnxValue x, int heads, @Nullable OnnxValue bias) {
        int width = x.shape().dim(-1);
        float[] factors = queryFactors(width, heads);
        if (factors.length == 0) {
            return Ops.super.selfAttention(p, x, heads, bias);
        }
        List<OnnxValue> qkv = split(linear(scaledQueries(p, factors), x, width, 3 * width), 2, width, width, width);
        return attend(p.path(), qkv.get(0), qkv.get(1), qkv.get(2), heads, bias);
    }

    /** What the rows of {@code qkv} are multiplied by, [3D], so that no operation divides queries by sqrt(d); empty where one does. */
    float[] queryFactors(int width, int heads) {
        if (style.target() != Target.TENSORRT) {
            return new float[0];
        }
        float[] factors = new float[3 * width];
        Arrays.fill(factors, 1);
        Arrays.fill(factors, 0, width, (float) (1 / Math.sqrt((double) width / heads)));
        return factors;
    }

    /** The linear {@code qkv} of {@code p} times {@code factors}. */
    Params<OnnxValue> scaledQueries(Params<OnnxValue> p, float[] factors) {
        OnnxValue scales = constant(factors, factors.length);
        return p.at("qkv")
                .with("weight", weight -> mul(weight, reshape(scales, factors.length, 1)))
                .with("bias", shift -> mul(shift, scales));
    }

    private OnnxValue multiHead(OnnxValue q, OnnxValue k, OnnxValue v, int heads, @Nullable OnnxValue bias) {
        OnnxType type = common(List.of(q, k, v));
        List<@Nullable OnnxValue> in = new ArrayList<>(List.of(as(type, q), as(type, k), as(type, v)));
        if (bias != null) {
            in.addAll(Arrays.asList(null, null, as(type, bias)));
        }
        return node(OnnxOp.MULTI_HEAD_ATTENTION, in, Map.of("num_heads", (long) heads), OnnxValue.of(q.shape(), type));
    }

    OnnxValue node(OnnxOp op, List<@Nullable OnnxValue> in, Map<String, Object> attributes, OnnxValue out) {
        return graph.add(op, layer(in), in, attributes, out);
    }

    /** The layer whose parameter is read, unless a composite already said where we are. */
    private String layer(List<@Nullable OnnxValue> in) {
        if (!path.equals(OnnxGraph.SAME)) {
            return path;
        }
        for (OnnxValue value : in) {
            LazyTensor constant = value == null ? null : value.constant();
            String weight = constant == null ? null : constant.path();
            if (weight != null) {
                int dot = weight.lastIndexOf('.');
                return dot < 0 ? weight : weight.substring(0, dot);
            }
        }
        return path;
    }

    private OnnxValue fold(Shape to, List<OnnxValue> in, Function<List<Tensor>, Tensor> reference) {
        List<LazyTensor> parts = new ArrayList<>();
        in.forEach(value -> parts.add(constantOf(value)));
        OnnxType type = in.get(0).type() == OnnxType.INT64 ? OnnxType.INT64 : OnnxType.FLOAT;
        return new OnnxValue(to, type, LazyTensor.of(parts, reference));
    }

    static LazyTensor constantOf(OnnxValue value) {
        LazyTensor constant = value.constant();
        if (constant == null) {
            throw new IllegalStateException("only constants are folded, got " + value);
        }
        return constant;
    }

    /** Constants take the type of what they meet; 16 bits meet fp32 in fp32. */
    private static OnnxType common(List<OnnxValue> values) {
        List<OnnxType> types = values.stream()
                .filter(v -> !v.isConstant())
                .map(OnnxValue::type)
                .distinct()
                .toList();
        return types.size() == 1 ? types.get(0) : OnnxType.FLOAT;
    }

    OnnxValue as(OnnxType type, OnnxValue x) {
        if (x.type() == type) {
            return x;
        }
        if (x.type() == OnnxType.INT64 || type == OnnxType.INT64) {
            throw new IllegalArgumentException("expected " + type + " values, received " + x + "; nothing is promoted");
        }
        LazyTensor constant = x.constant();
        if (constant != null) {
            return new OnnxValue(x.shape(), type, constant);
        }
        return node(
                OnnxOp.CAST, List.of(x), Map.of("to", (long) type.proto().getNumber()), OnnxValue.of(x.shape(), type));
    }
}
