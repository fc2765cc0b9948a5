package org.maskrt.exporter;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import org.maskrt.models.weights.DType;

/** The element types of our graphs. */
public enum OnnxType {
    FLOAT(DataType.FLOAT, 4),
    FLOAT16(DataType.FLOAT16, 2),
    BFLOAT16(DataType.BFLOAT16, 2),
    INT8(DataType.INT8, 1),
    UINT8(DataType.UINT8, 1),
    /** E4M3 without infinity. */
    FLOAT8E4M3FN(DataType.FLOAT8E4M3FN, 1),
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

    /** The number of this type that is nearest to {@code value}, which is positive; never zero. */
    float nearest(float value) {
        return switch (this) {
            case FLOAT16 -> Math.max(DType.halfToFloat(DType.floatToHalf(value)), DType.halfToFloat((short) 1));
            case BFLOAT16 -> DType.bfloat16ToFloat(DType.floatToBfloat16(value));
            default -> value;
        };
    }

    /** Of one element. */
    public int bytes() {
        return bytes;
    }
}
