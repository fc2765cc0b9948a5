package org.maskrt.calibration;

/**
 * The 8-bit floating-point format E4M3 (Micikevicius et al. 2022, "FP8 Formats for Deep Learning", table 1; FLOAT8E4M3FN of ONNX): 4 bits of exponent with
 * bias 7, 3 of mantissa, subnormal numbers, no infinity, NaN where all bits but the sign are set.
 */
public final class Fp8E4M3 {
    /** The largest value. */
    public static final float LARGEST = 448;

    private static final int MANTISSA = 3;
    private static final int LOWEST_EXPONENT = -6;
    private static final int NAN = 0x7F;
    private static final int SIGN = 0x80;

    private Fp8E4M3() {}

    /** The bits of the value nearest to {@code x}, ties to even; magnitudes above {@link #LARGEST} saturate, infinite ones too. */
    public static byte encode(float x) {
        int sign = Float.floatToRawIntBits(x) < 0 ? SIGN : 0;
        if (Float.isNaN(x)) {
            return (byte) (sign | NAN);
        }
        float magnitude = Math.min(Math.abs(x), LARGEST);
        int exponent = Math.max(Math.getExponent(magnitude), LOWEST_EXPONENT);
        // in steps of the last place: below 8 is subnormal, 16 is the next exponent, and the bits run on over both
        int steps = (int) Math.rint(Math.scalb((double) magnitude, MANTISSA - exponent));
        int bits = ((exponent - LOWEST_EXPONENT) << MANTISSA) + steps;
        return (byte) (sign | bits);
    }

    public static float decode(byte code) {
        int bits = code & NAN;
        if (bits == NAN) {
            return Float.NaN;
        }
        int exponent = bits >> MANTISSA;
        int mantissa = bits & ((1 << MANTISSA) - 1);
        float magnitude = exponent == 0
                ? Math.scalb((float) mantissa, LOWEST_EXPONENT - MANTISSA)
                : Math.scalb((float) (mantissa + (1 << MANTISSA)), exponent - 1 + LOWEST_EXPONENT - MANTISSA);
        return (code & SIGN) == 0 ? magnitude : -magnitude;
    }
}
