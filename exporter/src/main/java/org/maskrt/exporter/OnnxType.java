package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;

/** The element types of our graphs. */
public enum OnnxType {
    FLOAT(DataType.FLOAT, 4),
    FLOAT16(DataType.FLOAT16, 2),
    BFLOAT16(DataType.BFLOAT16, 2),
    INT8(DataType.INT8, 1),
    UINT8(DataType.UINT8, 1),
    INT32(DataType.INT32, 4),
    INT64(DataType.INT64, 8);

    private final DataType proto;
    private final int bytes;

    OnnxType(DataType proto, int bytes) {
        this.proto = proto;
        this.bytes = bytes;
    }

    DataType proto() {
        return proto;
    }

    /** Of one element. */
    public int bytes() {
        return bytes;
    }
}
