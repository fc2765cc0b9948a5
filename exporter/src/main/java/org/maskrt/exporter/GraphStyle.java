package org.maskrt.exporter;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.maskrt.calibration.ScaleTable;

/**
 * Which of several equal forms a graph takes.
 *
 * @param attention how attention is written
 * @param precision of weights and products
 * @param target the runtime whose fast forms are emitted
 * @param bias how the relative position bias of attention logits is written
 * @param scales of the layers that are quantised by QuantizeLinear and DequantizeLinear; null for none
 */
public record GraphStyle(
        Attention attention,
        Precision precision,
        Target target,
        Bias bias,
        @Nullable ScaleTable scales) {
    /** fp32 with plain attention for ONNX Runtime. */
    public static final GraphStyle DEFAULT =
            new GraphStyle(Attention.DECOMPOSED, Precision.FP32, Target.ONNXRUNTIME, Bias.CONSTANT, null);

    /** The form that TensorRT fuses, with products in {@code precision}. */
    public static GraphStyle tensorrt(Precision precision) {
        return new GraphStyle(Attention.DECOMPOSED, precision, Target.TENSORRT, Bias.CONSTANT, null);
    }

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

    /**
     * The type of weights and products. Graph inputs and outputs are fp32 in all of them.
     *
     * <p>In the 16-bit ones linear layers and attention of the transformer blocks have that type, softmax included; residual stream (so also the
     * long skips), LayerNorm, adaLN modulation, timestep MLP, patch embedding and final layer stay in fp32. Autoencoders stay in fp32, because
     * sd-vae's activations overflow fp16.
     */
    public enum Precision {
        FP32(OnnxType.FLOAT),
        FP16(OnnxType.FLOAT16),
        /** For TensorRT: ONNX Runtime's CPU provider has no product of it. */
        BF16(OnnxType.BFLOAT16),
        /**
         * Linear layers of the transformer blocks, the long skips apart, as products of 8-bit integers; all else, and what they take and give, is
         * fp32. Weights are int8, symmetric, with a scale for each output channel; activations become uint8 by their range in each run.
         */
        INT8(OnnxType.FLOAT);

        private final OnnxType type;

        Precision(OnnxType type) {
            this.type = type;
        }

        /** Of values between operations. */
        OnnxType type() {
            return type;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The runtime whose fast forms are emitted. */
    public enum Target {
        /** LayerNorm over tokens as InstanceNormalization, which is several times faster on ONNX Runtime's CPU provider. */
        ONNXRUNTIME("onnx"),
        /**
         * What TensorRT 10 fuses: queries scaled by their weights, LayerNormalization with an explicit scale (its importer reads a missing one as
         * zero), and steps that read tables by index, for a loop that stays on the device.
         */
        TENSORRT("onnx-tensorrt");

        private final String folder;

        Target(String folder) {
            this.folder = folder;
        }

        /** Where a model folder has the graphs of this target. */
        public String folder() {
            return folder;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How the relative position bias of attention logits is written. */
    public enum Bias {
        /** Gathered, [1,H,N,N], in the type of the products. */
        CONSTANT,
        /** The trained table and a Gather: N^2 H values fewer for each block, which ONNX Runtime makes when it loads the graph, and TensorRT in every step. */
        GATHER;

        /** The one that suits: files of quantised graphs for ONNX Runtime would be half made of gathered values. */
        public static Bias usual(Target target, boolean quantised) {
            return quantised && target == Target.ONNXRUNTIME ? GATHER : CONSTANT;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public GraphStyle with(Attention newAttention) {
        return new GraphStyle(newAttention, precision, target, bias, scales);
    }

    public GraphStyle with(Precision newPrecision) {
        return new GraphStyle(attention, newPrecision, target, bias, scales);
    }

    public GraphStyle with(Target newTarget) {
        return new GraphStyle(attention, precision, newTarget, bias, scales);
    }

    public GraphStyle with(Bias newBias) {
        return new GraphStyle(attention, precision, target, newBias, scales);
    }

    /** With layers quantised by a table, or none of them so. */
    public GraphStyle withScales(@Nullable ScaleTable newScales) {
        return new GraphStyle(attention, precision, target, bias, newScales);
    }
}
