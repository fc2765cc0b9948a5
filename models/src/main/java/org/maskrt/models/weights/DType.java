package org.maskrt.models.weights;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;

/** The element types of weights files; the names are those of safetensors. Floating-point types are read into and written from fp32. */
public enum DType {
    F32(4),
    /** IEEE 754 binary16. */
    F16(2),
    /** The upper half of an fp32. */
    BF16(2),
    /** Read only: rounded to fp32 as a tensor. */
    F64(8),
    /** Indices. */
    I64(8);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** The bytes of one element. */
    public int bytes() {
        return bytes;
    }

    public boolean isIndices() {
        return this == I64;
    }

    /** Exact. */
    public static float halfToFloat(short half) {
        int magnitude = (half & 0x7fff) << 13;
        // Multiplying by 2^112 moves the exponent bias from 15 to 127 and normalises subnormal halves.
        int bits = magnitude < 0x0f80_0000
                ? Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) * 0x1p112f)
                : magnitude | 0x7f80_0000;
        return Float.intBitsToFloat(bits | ((half & 0x8000) << 16));
    }

    /** Rounds to nearest, ties to even; 65520 and more become infinity; NaN stays NaN. */
    public static short floatToHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        int magnitude = bits & 0x7fff_ffff;
        int half;
        if (magnitude > 0x7f80_0000) {
            half = 0x7e00 | ((magnitude >> 13) & 0x3ff);
        } else if (magnitude >= 0x477f_f000) {
            half = 0x7c00;
        } else if (magnitude >= 0x3880_0000) {
            half = (magnitude - 0x3800_0000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
        } else {
            // The unit in the last place of 0.5f is that of a subnormal half, so the addition rounds.
            half = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + 0.5f) - 0x3f00_0000;
        }
        return (short) (half | ((bits >>> 16) & 0x8000));
    }

    /** Exact. */
    public static float bfloat16ToFloat(short bfloat16) {
        return Float.intBitsToFloat(bfloat16 << 16);
    }

    /** Rounds to nearest, ties to even; NaN stays NaN. */
    public static short floatToBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fff_ffff) > 0x7f80_0000) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    /** Takes {@code count} elements from the little-endian {@code source}, whose position moves past them. */
    void decode(ByteBuffer source, float[] target, int offset, int count) {
        switch (this) {
            case F32 -> source.asFloatBuffer().get(target, offset, count);
            case F16 -> {
                ShortBuffer shorts = source.asShortBuffer();
                for (int i = 0; i < count; i++) {
                    target[offset + i] = halfToFloat(shorts.get(i));
                }
            }
            case BF16 -> {
                ShortBuffer shorts = source.asShortBuffer();
                for (int i = 0; i < count; i++) {
                    target[offset + i] = bfloat16ToFloat(shorts.get(i));
                }
            }
            case F64 -> {
                var doubles = source.asDoubleBuffer();
                for (int i = 0; i < count; i++) {
                    target[offset + i] = (float) doubles.get(i);
                }
            }
            case I64 -> throw new IllegalArgumentException("int64 indices were asked for as fp32 values");
        }
        source.position(source.position() + count * bytes);
    }

    /** Puts {@code count} values into the little-endian {@code target}, whose position moves past them. */
    void encode(float[] source, int offset, int count, ByteBuffer target) {
        switch (this) {
            case F32 -> {
                FloatBuffer floats = target.asFloatBuffer();
                floats.put(source, offset, count);
            }
            case F16 -> {
                ShortBuffer shorts = target.asShortBuffer();
                for (int i = 0; i < count; i++) {
                    shorts.put(i, floatToHalf(source[offset + i]));
                }
            }
            case BF16 -> {
                ShortBuffer shorts = target.asShortBuffer();
                for (int i = 0; i < count; i++) {
                    shorts.put(i, floatToBfloat16(source[offset + i]));
                }
            }
            case F64, I64 ->
                throw new IllegalArgumentException("weights are written as F32, F16 or BF16, not as " + this);
        }
        target.position(target.position() + count * bytes);
    }

    /** Puts {@code count} indices into the little-endian {@code target}, whose position moves past them. */
    static void encode(long[] source, int offset, int count, ByteBuffer target) {
        LongBuffer longs = target.asLongBuffer();
        longs.put(source, offset, count);
        target.position(target.position() + count * I64.bytes);
    }
}
