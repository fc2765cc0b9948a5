package org.maskrt.models.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DTypeTest {
    /** binary16 by its definition. */
    private static double half(int bits) {
        int exponent = (bits >> 10) & 31;
        int fraction = bits & 0x3ff;
        double sign = (bits & 0x8000) == 0 ? 1 : -1;
        if (exponent == 31) {
            return fraction == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
        }
        return exponent == 0
                ? sign * fraction * 0x1p-24
                : sign * (1024 + fraction) * 0x1p-10 * Math.pow(2, exponent - 15);
    }

    @Test
    void everyHalfIsExactAndComesBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = DType.halfToFloat((short) bits);
            assertEquals(half(bits), value, "half 0x" + Integer.toHexString(bits));
            short back = DType.floatToHalf(value);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(DType.halfToFloat(back)), "NaN half 0x" + Integer.toHexString(bits));
            } else {
                assertEquals((short) bits, back, "half 0x" + Integer.toHexString(bits));
            }
        }
    }

    @Test
    void everyBfloat16IsExactAndComesBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = DType.bfloat16ToFloat((short) bits);
            assertEquals(Float.intBitsToFloat(bits << 16), value, "bfloat16 0x" + Integer.toHexString(bits));
            short back = DType.floatToBfloat16(value);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(DType.bfloat16ToFloat(back)), "NaN bfloat16 0x" + Integer.toHexString(bits));
            } else {
                assertEquals((short) bits, back, "bfloat16 0x" + Integer.toHexString(bits));
            }
        }
    }

    /** Between two neighbours: just below, at and just above the middle. */
    @Test
    void halvesRoundToNearestTiesToEven() {
        for (int bits = 0; bits < 0x7bff; bits++) {
            float low = DType.halfToFloat((short) bits);
            float middle = (low + DType.halfToFloat((short) (bits + 1))) / 2;
            int even = (bits & 1) == 0 ? bits : bits + 1;
            String where = "after half 0x" + Integer.toHexString(bits);
            assertEquals((short) bits, DType.floatToHalf(Math.nextDown(middle)), where);
            assertEquals((short) even, DType.floatToHalf(middle), where);
            assertEquals((short) (bits + 1), DType.floatToHalf(Math.nextUp(middle)), where);
            assertEquals((short) (even | 0x8000), DType.floatToHalf(-middle), where);
        }
        assertEquals((short) 0x7bff, DType.floatToHalf(Math.nextDown(65520f)));
        assertEquals((short) 0x7c00, DType.floatToHalf(65520f));
        assertEquals((short) 0x7c00, DType.floatToHalf(Float.MAX_VALUE));
        assertEquals((short) 0x8000, DType.floatToHalf(-Float.MIN_VALUE));
    }

    @Test
    void bfloat16RoundsToNearestTiesToEven() {
        for (int bits = 0; bits < 0x7f7f; bits++) {
            float middle = Float.intBitsToFloat((bits << 16) | 0x8000);
            int even = (bits & 1) == 0 ? bits : bits + 1;
            String where = "after bfloat16 0x" + Integer.toHexString(bits);
            assertEquals((short) bits, DType.floatToBfloat16(Math.nextDown(middle)), where);
            assertEquals((short) even, DType.floatToBfloat16(middle), where);
            assertEquals((short) (bits + 1), DType.floatToBfloat16(Math.nextUp(middle)), where);
            assertEquals((short) (even | 0x8000), DType.floatToBfloat16(-middle), where);
        }
        assertEquals((short) 0x7f80, DType.floatToBfloat16(Float.MAX_VALUE));
    }

    @Test
    void theNearestHalfIsNeverFartherThanItsNeighbours() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 100_000; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            if (Math.abs(value) < 65504) {
                short bits = DType.floatToHalf(value);
                BigDecimal error = distance(value, bits);
                String where = "seed " + seed + ", value " + value;
                assertTrue(error.compareTo(distance(value, (short) (bits + 1))) <= 0, where);
                if ((bits & 0x7fff) != 0) {
                    assertTrue(error.compareTo(distance(value, (short) (bits - 1))) <= 0, where);
                }
            }
        }
    }

    private static BigDecimal distance(float value, short half) {
        float rounded = DType.halfToFloat(half);
        return Float.isInfinite(rounded)
                ? new BigDecimal("1e39")
                : new BigDecimal(value).subtract(new BigDecimal(rounded)).abs();
    }
}
