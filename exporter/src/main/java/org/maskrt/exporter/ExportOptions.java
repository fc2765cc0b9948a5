package org.maskrt.exporter;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.exporter.GraphStyle.Target;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Shape;

/**
 * What is exported and how.
 *
 * @param graphs names of graphs, see {@link #GRAPHS}
 * @param style which of several equal forms they take
 * @param batch a fixed batch, or {@link Shape#BATCH} for a symbolic one
 * @param guided the channels that {@code guided_step} guides
 * @param validation the comparison with the eager model
 */
public record ExportOptions(
        Set<String> graphs, GraphStyle style, int batch, GuidedChannels guided, Validation validation) {
    /** Every graph there is. */
    public static final List<String> GRAPHS = List.of(
            "transformer",
            "conditioner",
            "denoiser",
            "guided_step",
            "half_step",
            "inpaint",
            "ccnet",
            "vae_encoder",
            "vae_decoder",
            "image_encoder",
            "image_encoder_2");

    /** {@link #of} fp32 and plain attention for ONNX Runtime. */
    public static final ExportOptions DEFAULT = of(GraphStyle.DEFAULT);

    /**
     * Every graph that sampling with {@code style}'s target may run, and {@code transformer} for other tools if that is ONNX Runtime, with a symbolic
     * batch, compared with the eager model. Without {@code inpaint}, whose job is its own and which holds all weights once more.
     */
    public static ExportOptions of(GraphStyle style) {
        String other = style.target() == Target.TENSORRT ? "transformer" : "half_step";
        return new ExportOptions(
                Set.copyOf(GRAPHS.stream()
                        .filter(g -> !g.equals("inpaint") && !g.equals(other))
                        .toList()),
                style,
                Shape.BATCH,
                GuidedChannels.REFERENCE,
                Validation.of(style));
    }

    /** @throws MaskRtException USAGE for unknown graphs, a batch below one, or a style that its target cannot run */
    public ExportOptions {
        Set<String> unknown = new LinkedHashSet<>(graphs);
        GRAPHS.forEach(unknown::remove);
        if (graphs.isEmpty() || !unknown.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "graphs: expected some of " + GRAPHS + ", received " + graphs + "; name known ones");
        }
        if (batch != Shape.BATCH && batch < 1) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "batch: expected 'dynamic' or at least 1, received " + batch + "; choose one of these");
        }
        boolean tensorrt = style.target() == Target.TENSORRT;
        if (tensorrt && style.attention() == Attention.ORT_MHA) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "attention: expected decomposed for tensorrt, received ort-mha, which only ONNX Runtime knows; name"
                            + " decomposed");
        }
        if (!tensorrt && style.precision() == Precision.BF16) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "dtype: expected fp32 or fp16 for onnxruntime, received bf16, in which its CPU provider multiplies no"
                            + " matrices; name one of these, or the target tensorrt");
        }
        if (tensorrt && style.precision() == Precision.INT8) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "quantize: expected the target onnxruntime for int8, received tensorrt; name that target, or bf16");
        }
        if (tensorrt && style.scales() != null && style.scales().byTimestep()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "quantize: expected scales that hold for all timesteps for tensorrt, which wants constants, received those of "
                            + (style.scales().timestepEdges().length - 1)
                            + " groups; make a table with --groups 1");
        }
        if (style.scales() != null && style.precision() == Precision.INT8) {
            throw new MaskRtException(
                    ExitCode.USAGE, "quantize: expected int8 or a table of scales, received both; name one of them");
        }
        graphs = Set.copyOf(graphs);
    }

    /**
     * The comparison of an exported graph with the eager model.
     *
     * @param enabled whether it runs
     * @param tolerance the largest max|diff| / max|reference| of any output
     * @param seed of the random inputs
     */
    public record Validation(boolean enabled, double tolerance, long seed) {
        private static final long SEED = 20_240_601;
        private static final double FP32_TOLERANCE = 1e-5;
        /** fp16 has 11 significant bits; two dozen residual blocks of it stay well below this. */
        private static final double FP16_TOLERANCE = 2e-2;
        /** What an engine is held to, so what its graph must keep. */
        private static final double ENGINE_FP16_TOLERANCE = 3e-3;

        private static final double ENGINE_BF16_TOLERANCE = 1e-2;
        /** 8 bits for activations and weights give one step 1e-2 and less on trained models. */
        private static final double INT8_TOLERANCE = 5e-2;
        /** Against the eager model rounded by the same table: values near a tie fall either way. */
        private static final double QDQ_TOLERANCE = 2e-2;
        /** In 16 bits many values fall the other way, and random modulations lie beyond the scales, so that each such fall counts. */
        private static final double HALF_QDQ_TOLERANCE = 0.5;

        /** With the tolerance that belongs to {@code style}'s precision and target. */
        public static Validation of(GraphStyle style) {
            if (style.scales() != null) {
                boolean fp32 = style.precision() == Precision.FP32;
                return new Validation(true, fp32 ? QDQ_TOLERANCE : HALF_QDQ_TOLERANCE, SEED);
            }
            double tolerance = switch (style.precision()) {
                case FP32 -> FP32_TOLERANCE;
                case FP16 -> style.target() == Target.TENSORRT ? ENGINE_FP16_TOLERANCE : FP16_TOLERANCE;
                case BF16 -> ENGINE_BF16_TOLERANCE;
                case INT8 -> INT8_TOLERANCE;
            };
            return new Validation(true, tolerance, SEED);
        }

        /** No comparison. */
        public static Validation off() {
            return new Validation(false, 0, SEED);
        }
    }

    public ExportOptions withGraphs(Set<String> newGraphs) {
        return new ExportOptions(newGraphs, style, batch, guided, validation);
    }

    /** With the tolerance that belongs to the style, if there is a comparison. */
    public ExportOptions withStyle(GraphStyle newStyle) {
        Validation suited = validation.enabled() ? Validation.of(newStyle) : validation;
        return new ExportOptions(graphs, newStyle, batch, guided, suited);
    }

    public ExportOptions withBatch(int newBatch) {
        return new ExportOptions(graphs, style, newBatch, guided, validation);
    }

    public ExportOptions withGuided(GuidedChannels newGuided) {
        return new ExportOptions(graphs, style, batch, newGuided, validation);
    }

    public ExportOptions withValidation(Validation newValidation) {
        return new ExportOptions(graphs, style, batch, guided, newValidation);
    }
}
