package org.maskrt.calibration;

/**
 * Signed 8-bit integers with a scale and no zero point, as ONNX's QuantizeLinear and DequantizeLinear compute: x is round(x / scale), ties to
 * even, saturated to -128..127, times scale.
 */
public final class Int8 {
    /** Quantisation is symmetric: zero is zero. */
    public static final int ZERO_POINT = 0;

    /** Scales map thresholds to this, so that -threshold is representable too. */
    public static final int LARGEST = 127;

    private Int8() {}

    /** Of finite {@code x}. */
    public static byte quantise(float x, float scale) {
        return (byte) Math.max(-128, Math.min(LARGEST, Math.rint(x / scale)));
    }
}
