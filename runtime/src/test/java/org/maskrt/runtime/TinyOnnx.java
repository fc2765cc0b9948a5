package org.maskrt.runtime;

import ai.onnx.proto.OnnxMl;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.maskrt.models.ops.Shape;

/** Graphs of a few nodes, written by hand. */
final class TinyOnnx {
    private final OnnxMl.GraphProto.Builder graph =
            OnnxMl.GraphProto.newBuilder().setName("tiny");

    TinyOnnx input(String name, ElementType type, int... dims) {
        graph.addInput(value(name, type, dims));
        return this;
    }

    TinyOnnx output(String name, int... dims) {
        graph.addOutput(value(name, ElementType.FP32, dims));
        return this;
    }

    TinyOnnx node(String op, String output, String... inputs) {
        graph.addNode(
                OnnxMl.NodeProto.newBuilder().setOpType(op).addOutput(output).addAllInput(java.util.List.of(inputs)));
        return this;
    }

    /** An fp32 vector whose values are in {@code model.onnx.data}. */
    TinyOnnx externalVector(String name, int length) {
        graph.addInitializer(OnnxMl.TensorProto.newBuilder()
                .setName(name)
                .setDataType(OnnxMl.TensorProto.DataType.FLOAT_VALUE)
                .addDims(length)
                .setDataLocation(OnnxMl.TensorProto.DataLocation.EXTERNAL)
                .addExternalData(entry("location", "model.onnx.data"))
                .addExternalData(entry("offset", "0"))
                .addExternalData(entry("length", Integer.toString(length * Float.BYTES))));
        return this;
    }

    Path write(Path folder, float... data) {
        OnnxMl.ModelProto model = OnnxMl.ModelProto.newBuilder()
                .setIrVersion(9)
                .addOpsetImport(OnnxMl.OperatorSetIdProto.newBuilder().setVersion(20))
                .setGraph(graph)
                .build();
        try {
            Files.createDirectories(folder);
            Files.write(folder.resolve("model.onnx"), model.toByteArray());
            if (data.length > 0) {
                ByteBuffer bytes =
                        ByteBuffer.allocate(data.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(data);
                Files.write(folder.resolve("model.onnx.data"), bytes.array());
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static OnnxMl.StringStringEntryProto entry(String key, String value) {
        return OnnxMl.StringStringEntryProto.newBuilder()
                .setKey(key)
                .setValue(value)
                .build();
    }

    private static OnnxMl.ValueInfoProto value(String name, ElementType type, int... dims) {
        OnnxMl.TensorShapeProto.Builder shape = OnnxMl.TensorShapeProto.newBuilder();
        for (int dim : dims) {
            OnnxMl.TensorShapeProto.Dimension.Builder d = OnnxMl.TensorShapeProto.Dimension.newBuilder();
            shape.addDim(dim == Shape.BATCH ? d.setDimParam("batch") : d.setDimValue(dim));
        }
        OnnxMl.TypeProto.Tensor tensor = OnnxMl.TypeProto.Tensor.newBuilder()
                .setElemType(
                        type == ElementType.FP32
                                ? OnnxMl.TensorProto.DataType.FLOAT_VALUE
                                : OnnxMl.TensorProto.DataType.INT64_VALUE)
                .setShape(shape)
                .build();
        return OnnxMl.ValueInfoProto.newBuilder()
                .setName(name)
                .setType(OnnxMl.TypeProto.newBuilder().setTensorType(tensor))
                .build();
    }
}
