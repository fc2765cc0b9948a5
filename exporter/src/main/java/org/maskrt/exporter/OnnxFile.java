package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.DoubleConsumer;
import org.maskrt.calibration.Fp8E4M3;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.AtomicFiles;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.Sha256;

/**
 * Writes a graph as {@code model.onnx} beside {@code model.onnx.data}. All weights are external data at offsets of 4 KiB, computed and written
 * one after the other; literals of up to 64 KiB stay inline because shape inference reads them. The graph is named after its content, so that
 * caches keyed by the name never mix two models.
 */
public final class OnnxFile {
    public static final String MODEL = "model.onnx";
    public static final String DATA = "model.onnx.data";

    private static final int IR_VERSION = 9;
    private static final int ALIGNMENT = 4096;
    private static final int INLINE_BYTES = 1 << 16;
    private static final int CHUNK_BYTES = 1 << 20;
    private static final float FLOAT16_MAX = 65504;

    private OnnxFile() {}

    /**
     * Writes both files into {@code folder}, which is made if need be; neither stays half-written.
     *
     * @param metadata goes into {@code metadata_props}
     * @param progress hears the fraction of the weights that is written
     * @throws MaskRtException FAILURE if the disk is full or not writable, NOT_FINITE if a weight holds NaN or infinity, or does not fit fp16,
     *     INTERRUPTED if the thread was
     */
    public static void write(Path folder, OnnxGraph graph, Map<String, String> metadata, DoubleConsumer progress) {
        OnnxGraph.Names names = graph.names();
        Sha256 digest = new Sha256();
        GraphProto.Builder proto = GraphProto.newBuilder();
        AtomicFiles.write(folder.resolve(DATA), channel -> {
            DataWriter writer = new DataWriter(channel, digest);
            int done = 0;
            for (Map.Entry<String, OnnxValue> initialiser : names.initialisers().entrySet()) {
                progress.accept((double) done++ / names.initialisers().size());
                proto.addInitializer(writer.write(initialiser.getKey(), initialiser.getValue()));
            }
        });
        graph.inputs().forEach((name, value) -> proto.addInput(info(name, value)));
        names.nodes().forEach((name, node) -> proto.addNode(node(name, node, names)));
        graph.outputs().forEach((name, value) -> proto.addOutput(info(name, value)));
        digest.add(proto.buildPartial().toByteArray());
        proto.setName("maskrt_" + digest.hex().substring(0, 12));
        ByteBuffer model = ByteBuffer.wrap(model(proto, names, metadata).toByteArray());
        AtomicFiles.write(folder.resolve(MODEL), channel -> {
            while (model.hasRemaining()) {
                channel.write(model);
            }
        });
        progress.accept(1);
    }

    /**
     * Checks that the external data of {@code model} is there, beside it, and long enough. ONNX Runtime's own message names neither.
     *
     * @throws MaskRtException FAILURE if not, or if {@code model} is no ONNX file
     */
    public static void requireData(Path model) {
        Map<String, Long> ends = new TreeMap<>();
        for (TensorProto tensor : read(model).getGraph().getInitializerList()) {
            if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
                Map<String, String> entry = new TreeMap<>();
                tensor.getExternalDataList().forEach(e -> entry.put(e.getKey(), e.getValue()));
                long end = Long.parseLong(entry.getOrDefault("offset", "0"))
                        + Long.parseLong(entry.getOrDefault("length", "0"));
                ends.merge(entry.getOrDefault("location", ""), end, Math::max);
            }
        }
        ends.forEach((location, end) -> {
            Path data = model.resolveSibling(location);
            if (location.isEmpty()
                    || location.startsWith(".")
                    || !Path.of(location).equals(Path.of(location).getFileName())) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        model + ": expected its data file beside it, received the location '" + location
                                + "'; export the model again");
            }
            long size = size(data);
            if (size < end) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        data + ": expected " + end + " bytes of weights for " + model + ", received "
                                + (size < 0 ? "no file" : size + " bytes") + "; put it back or export the model again");
            }
        });
    }

    /** The parsed {@code model.onnx}, without its external data. */
    static ModelProto read(Path model) {
        try (InputStream in = Files.newInputStream(model)) {
            return ModelProto.parseFrom(in);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    model + ": expected an ONNX file, received " + reason(e) + "; export the model again",
                    e);
        }
    }

    /** The name of a symbol of {@link Shape}, or the number. */
    static String dimension(int dim) {
        return switch (dim) {
            case Shape.BATCH -> "batch";
            case Shape.STEPS -> "steps";
            case Shape.ROWS -> "rows";
            case Shape.ROWS_UNCOND -> "rows_uncond";
            case Shape.ROWS_NOISE -> "rows_noise";
            default -> Integer.toString(dim);
        };
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return -1;
        }
    }

    static String reason(IOException e) {
        String kind = e.getClass().getSimpleName();
        return e.getMessage() == null ? kind : kind + " " + e.getMessage().strip();
    }

    private static ModelProto model(GraphProto.Builder graph, OnnxGraph.Names names, Map<String, String> metadata) {
        ModelProto.Builder model = ModelProto.newBuilder()
                .setIrVersion(IR_VERSION)
                .setProducerName("maskrt")
                .setGraph(graph);
        TreeSet<String> domains = new TreeSet<>();
        domains.add("");
        names.nodes().values().forEach(node -> domains.add(node.op().domain()));
        for (String domain : domains) {
            model.addOpsetImport(
                    OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(domain.isEmpty() ? OnnxOp.OPSET : 1));
        }
        new TreeMap<>(metadata).forEach((key, value) -> model.addMetadataProps(entry(key, value)));
        return model.build();
    }

    private static ValueInfoProto info(String name, OnnxValue value) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (int dim : value.shape().dims()) {
            TensorShapeProto.Dimension.Builder d = TensorShapeProto.Dimension.newBuilder();
            shape.addDim(dim < 0 ? d.setDimParam(dimension(dim)) : d.setDimValue(dim));
        }
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(value.type().proto().getNumber())
                                .setShape(shape)))
                .build();
    }

    private static NodeProto node(String name, OnnxNode node, OnnxGraph.Names names) {
        NodeProto.Builder proto = NodeProto.newBuilder()
                .setName(name)
                .setOpType(node.op().onnxName())
                .setDomain(node.op().domain());
        for (OnnxValue in : node.inputs()) {
            proto.addInput(in == null ? "" : names.edge(in));
        }
        node.outputs().forEach(out -> proto.addOutput(names.edge(out)));
        new TreeMap<>(node.attributes()).forEach((key, value) -> proto.addAttribute(attribute(key, value)));
        return proto.build();
    }

    private static AttributeProto attribute(String name, Object value) {
        AttributeProto.Builder a = AttributeProto.newBuilder().setName(name);
        if (value instanceof Long i) {
            return a.setType(AttributeProto.AttributeType.INT).setI(i).build();
        } else if (value instanceof Float f) {
            return a.setType(AttributeProto.AttributeType.FLOAT).setF(f).build();
        } else if (value instanceof String s) {
            return a.setType(AttributeProto.AttributeType.STRING)
                    .setS(ByteString.copyFromUtf8(s))
                    .build();
        } else if (value instanceof long[] ints) {
            a.setType(AttributeProto.AttributeType.INTS);
            for (long i : ints) {
                a.addInts(i);
            }
            return a.build();
        }
        throw new IllegalArgumentException("attribute " + name + ": expected Long, Float, String or long[], received "
                + value.getClass().getSimpleName());
    }

    private static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }

    /** Appends tensors to the data file. */
    private static final class DataWriter {
        private final FileChannel channel;
        private final Sha256 digest;
        private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);

        DataWriter(FileChannel channel, Sha256 digest) {
            this.channel = channel;
            this.digest = digest;
        }

        TensorProto write(String name, OnnxValue value) throws IOException {
            if (Thread.currentThread().isInterrupted()) {
                throw new MaskRtException(
                        ExitCode.INTERRUPTED,
                        name + ": interrupted before it was written; nothing was kept, export again");
            }
            LazyTensor constant = value.constant();
            if (constant == null) {
                throw new IllegalStateException("the initialiser " + name + " has no value");
            }
            Tensor tensor = constant.evaluate();
            if (!tensor.shape().equals(value.shape())) {
                throw new IllegalStateException(
                        "the initialiser " + name + ": expected " + value.shape() + ", received " + tensor);
            }
            TensorProto.Builder proto = TensorProto.newBuilder()
                    .setName(name)
                    .setDataType(value.type().proto().getNumber());
            for (int dim : value.shape().dims()) {
                proto.addDims(dim);
            }
            long length = (long) tensor.size() * value.type().bytes();
            if (constant.path() == null && length <= INLINE_BYTES) {
                ByteBuffer bytes = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < tensor.size(); i++) {
                    put(bytes, name, tensor, value.type(), i);
                }
                return proto.setRawData(ByteString.copyFrom(bytes.flip())).build();
            }
            long offset = align();
            for (int i = 0; i < tensor.size(); i++) {
                if (chunk.remaining() < Long.BYTES) {
                    flush();
                }
                put(chunk, name, tensor, value.type(), i);
            }
            flush();
            return proto.setDataLocation(TensorProto.DataLocation.EXTERNAL)
                    .addExternalData(entry("location", DATA))
                    .addExternalData(entry("offset", Long.toString(offset)))
                    .addExternalData(entry("length", Long.toString(length)))
                    .build();
        }

        private static void put(ByteBuffer to, String name, Tensor tensor, OnnxType type, int i) {
            if (type == OnnxType.INT64) {
                to.putLong(tensor.indices()[i]);
                return;
            }
            float v = tensor.values()[i];
            if (type == OnnxType.INT8) {
                to.put((byte) v);
                return;
            }
            if (type == OnnxType.FLOAT8E4M3FN) {
                to.put(Fp8E4M3.encode(v));
                return;
            }
            if (!fits(v, type)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        name + ": expected finite " + type + " values, received " + v + " at element " + i + " of "
                                + tensor.shape()
                                + (Float.isFinite(v) ? "; export with fp32" : "; take an earlier checkpoint"));
            }
            switch (type) {
                case FLOAT16 -> to.putShort(DType.floatToHalf(v));
                case BFLOAT16 -> to.putShort(DType.floatToBfloat16(v));
                default -> to.putFloat(v);
            }
        }

        private static boolean fits(float value, OnnxType type) {
            return switch (type) {
                case FLOAT16 -> Math.abs(value) <= FLOAT16_MAX;
                case BFLOAT16 -> Float.isFinite(DType.bfloat16ToFloat(DType.floatToBfloat16(value)));
                default -> Float.isFinite(value);
            };
        }

        private long align() throws IOException {
            long end = channel.position();
            long offset = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
            for (long i = end; i < offset; i++) {
                chunk.put((byte) 0);
            }
            return offset;
        }

        private void flush() throws IOException {
            chunk.flip();
            digest.add(chunk.duplicate());
            while (chunk.hasRemaining()) {
                channel.write(chunk);
            }
            chunk.clear();
        }
    }
}
