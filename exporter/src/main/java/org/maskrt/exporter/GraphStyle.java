package org.maskrt.exporter;

import java.util.Locale;

/**
 * Which of several equal forms a graph takes.
 *
 * @param attention how attention is written
 * @param precision of weights and products
 * @param target the runtime whose fast forms are emitted
 */
public record GraphStyle(Attention attention, Precision precision, Target target) {
    /** fp32 with plain attention for ONNX Runtime. */
    public static final GraphStyle DEFAULT = new GraphStyle(Attention.DECOMPOSED, Precision.FP32, Target.ORT);

    /** How attention is written. */
    public enum Attention {
        /** MatMul, Add, Softmax, MatMul: every runtime reads it, and TensorRT fuses it. */
        DECOMPOSED,
        /** com.microsoft.MultiHeadAttention, which only ONNX Runtime knows. */
        ORT_MHA;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** The type of weights and products. Graph inputs and outputs are fp32 in both. */
    public enum Precision {
        FP32,
        /**
         * Linear layers and attention of the transformer blocks in fp16; residual stream (so also the long skips), LayerNorm, adaLN
         * modulation, timestep MLP, patch embedding and final layer in fp32. Autoencoders stay in fp32, because sd-vae's activations overflow fp16.
         */
        FP16;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The runtime whose fast forms are emitted. */
    public enum Target {
        /** LayerNorm over tokens as InstanceNormalization, which is several times faster on ONNX Runtime's CPU provider. */
        ORT,
        /** LayerNorm as LayerNormalization with an explicit scale: TensorRT's importer reads a missing one as zero. */
        TENSORRT;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public GraphStyle with(Attention newAttention) {
        return new GraphStyle(newAttention, precision, target);
    }

    public GraphStyle with(Precision newPrecision) {
        return new GraphStyle(attention, newPrecision, target);
    }

    public GraphStyle with(Target newTarget) {
        return new GraphStyle(attention, precision, newTarget);
    }
}
