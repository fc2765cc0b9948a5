package org.maskrt.exporter;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.maskrt.exporter.GraphStyle.Precision;
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
            "inpaint",
            "ccnet",
            "vae_encoder",
            "vae_decoder",
            "image_encoder",
            "image_encoder_2");

    /** Every graph but {@code inpaint}, whose job is its own and which holds all weights once more; in fp32 with plain attention and a symbolic batch, compared with the eager model. */
    public static final ExportOptions DEFAULT = new ExportOptions(
            Set.copyOf(GRAPHS.stream().filter(g -> !g.equals("inpaint")).toList()),
            GraphStyle.DEFAULT,
            Shape.BATCH,
            GuidedChannels.REFERENCE,
            Validation.of(Precision.FP32));

    /** @throws MaskRtException USAGE for unknown graphs or a batch below one */
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

        /** With the tolerance that belongs to {@code precision}. */
        public static Validation of(Precision precision) {
            return new Validation(true, precision == Precision.FP32 ? FP32_TOLERANCE : FP16_TOLERANCE, SEED);
        }

        /** No comparison. */
        public static Validation off() {
            return new Validation(false, 0, SEED);
        }
    }

    public ExportOptions withGraphs(Set<String> newGraphs) {
        return new ExportOptions(newGraphs, style, batch, guided, validation);
    }

    /** With the tolerance that belongs to the style's precision, if there is a comparison. */
    public ExportOptions withStyle(GraphStyle newStyle) {
        Validation suited = validation.enabled() ? Validation.of(newStyle.precision()) : validation;
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
