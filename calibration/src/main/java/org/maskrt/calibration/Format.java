package org.maskrt.calibration;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** An 8-bit format. A scale maps it onto real numbers; zero always is zero. */
public enum Format {
    @JsonProperty("int8")
    INT8(Int8.LARGEST) {
        @Override
        public float level(float x, float scale) {
            return Int8.quantise(x, scale);
        }

        @Override
        double[] magnitudes() {
            double[] values = new double[Int8.LARGEST + 1];
            for (int i = 0; i < values.length; i++) {
                values[i] = i;
            }
            return values;
        }
    },

    @JsonProperty("fp8_e4m3")
    FP8_E4M3(Fp8E4M3.LARGEST) {
        @Override
        public float level(float x, float scale) {
            return Fp8E4M3.decode(Fp8E4M3.encode(x / scale));
        }

        @Override
        double[] magnitudes() {
            double[] values = new double[0x7F];
            for (int i = 0; i < values.length; i++) {
                values[i] = Fp8E4M3.decode((byte) i);
            }
            return values;
        }
    };

    private final double largest;

    Format(double largest) {
        this.largest = largest;
    }

    /** The largest number of the format. */
    public double largest() {
        return largest;
    }

    /** As tables and options name it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The number of the format that stands for a finite value. */
    public abstract float level(float x, float scale);

    /** What a finite value becomes on its way through this format. */
    public float roundTrip(float x, float scale) {
        return level(x, scale) * scale;
    }

    /** Every magnitude of the format, ascending from zero. */
    abstract double[] magnitudes();

    /**
     * The scale with which the largest number of the format is {@code threshold}. It is 1 where all values are zero, and never below the smallest
     * normal number, so that it can be divided by.
     *
     * @throws MaskRtException (NOT_FINITE) naming {@code path} if the threshold is NaN, infinite or negative
     */
    public float scale(String path, double threshold) {
        if (!(threshold >= 0 && threshold <= Float.MAX_VALUE)) {
            throw new MaskRtException(
                    ExitCode.NOT_FINITE,
                    path + ": expected a finite range to quantise, received " + threshold
                            + "; check the weights with 'maskrt verify', and the inputs");
        }
        // rounded up, the scale of the largest fp32 number would give infinity back
        double most = Math.nextDown((float) (Float.MAX_VALUE / largest));
        return threshold == 0 ? 1 : Math.max((float) Math.min(threshold / largest, most), Float.MIN_NORMAL);
    }

    /**
     * The scale of each output channel of {@code weight}, row-major [rows, columns], from its largest magnitude.
     *
     * @throws MaskRtException (NOT_FINITE) naming {@code path} if a weight is NaN or infinite
     */
    public float[] rowScales(String path, float[] weight, int rows) {
        Finite.require(path, weight);
        int columns = weight.length / rows;
        float[] scales = new float[rows];
        for (int r = 0; r < rows; r++) {
            float max = 0;
            for (int i = r * columns; i < (r + 1) * columns; i++) {
                max = Math.max(max, Math.abs(weight[i]));
            }
            scales[r] = scale(path, max);
        }
        return scales;
    }

    /** {@link #roundTrip} of each row of {@code weight} with its own scale. */
    public float[] roundTripRows(float[] weight, float[] rowScales) {
        int columns = weight.length / rowScales.length;
        float[] rounded = new float[weight.length];
        for (int i = 0; i < weight.length; i++) {
            rounded[i] = roundTrip(weight[i], rowScales[i / columns]);
        }
        return rounded;
    }
}
