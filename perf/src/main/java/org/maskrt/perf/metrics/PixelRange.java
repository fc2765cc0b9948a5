package org.maskrt.perf.metrics;

/** The numbers that a network takes for the bytes of a picture, (byte / 255 - mean) / deviation for each channel. */
public enum PixelRange {
    /** 0 to 255, as the TensorFlow graph of ADM's evaluator takes them. */
    BYTES(new double[] {0, 0, 0}, new double[] {1 / 255.0, 1 / 255.0, 1 / 255.0}),
    /** 0 to 1. */
    UNIT(new double[] {0, 0, 0}, new double[] {1, 1, 1}),
    /** -1 to 1. */
    SIGNED(new double[] {0.5, 0.5, 0.5}, new double[] {0.5, 0.5, 0.5}),
    /** About -2 to 2: less the mean of ImageNet's pictures, over their deviation. */
    IMAGENET(new double[] {0.485, 0.456, 0.406}, new double[] {0.229, 0.224, 0.225});

    private final double[] mean;
    private final double[] deviation;

    PixelRange(double[] mean, double[] deviation) {
        this.mean = mean;
        this.deviation = deviation;
    }

    float of(byte level, int channel) {
        return (float) ((Byte.toUnsignedInt(level) / 255.0 - mean[channel]) / deviation[channel]);
    }
}
