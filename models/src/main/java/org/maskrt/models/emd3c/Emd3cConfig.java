package org.maskrt.models.emd3c;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.maskrt.models.Checks;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;

/**
 * The sizes of an E-MD3C.
 *
 * @param inputSize height and width of the latent
 * @param patchSize P
 * @param latentChannels channels of the latent, and of the hint
 * @param hiddenSize D
 * @param depth number of blocks, those after the side-interpolater included
 * @param numHeads heads of each attention
 * @param mlpRatio hidden width of the MLP over D
 * @param decodeLayer number of blocks after the side-interpolater
 * @param maskRatio of the tokens that training hides
 * @param learnSigma whether the output has channels for the variance too
 * @param sources what the conditions collector is given, in order
 */
public record Emd3cConfig(
        int inputSize,
        int patchSize,
        int latentChannels,
        int hiddenSize,
        int depth,
        int numHeads,
        double mlpRatio,
        int decodeLayer,
        double maskRatio,
        boolean learnSigma,
        List<Source> sources) {
    private static final String OWNER = "E-MD3C";

    /** What a source is. */
    public enum Kind {
        /** A latent picture, cut into patches. */
        @JsonProperty("latent")
        LATENT,
        /** Tokens of an image encoder, the class token first. */
        @JsonProperty("feature")
        FEATURE
    }

    /**
     * One input of the conditions collector.
     *
     * @param name in the weights' paths, {@code ccnet.NAME}; one that begins with {@code tbf} is a target-box feature
     * @param kind what it is
     * @param tokens how many it has, after patches are cut
     * @param width channels of a latent, or width of a feature's tokens
     */
    public record Source(String name, Kind kind, int tokens, int width) {
        public Source {
            Checks.require(
                    name.matches("[a-z][a-z0-9_]*") && !name.startsWith("out"),
                    OWNER,
                    "sources.name",
                    "lower-case letters and digits, and not begin with 'out'",
                    name);
            Checks.positive(OWNER, "sources.tokens of " + name, tokens);
            Checks.positive(OWNER, "sources.width of " + name, width);
        }

        /** Whether it is of the picture of the box; all others are of the object. */
        public boolean isOfBox() {
            return name.startsWith("tbf");
        }
    }

    /** @throws org.maskrt.models.MaskRtException (USAGE) for sizes that do not fit together */
    public Emd3cConfig {
        sources = List.copyOf(sources);
        Checks.require(!sources.isEmpty(), OWNER, "sources", "one or more", sources);
        Set<String> names = new HashSet<>();
        int tokens = (inputSize / Math.max(1, patchSize)) * (inputSize / Math.max(1, patchSize));
        for (Source s : sources) {
            Checks.require(names.add(s.name), OWNER, "sources", "of different names", s.name);
            Checks.require(
                    s.kind == Kind.FEATURE || s.tokens == tokens,
                    OWNER,
                    "sources.tokens of " + s.name,
                    tokens + ", the patches of a latent",
                    s.tokens);
        }
        Checks.positive(OWNER, "latent_channels", latentChannels);
    }

    /** The published size (spec of E-MD3C at 512 px): 24 blocks of width 1024, four sources. */
    public static Emd3cConfig emd3c512() {
        return new Emd3cConfig(
                64,
                2,
                4,
                1024,
                24,
                16,
                4,
                2,
                0.3,
                true,
                List.of(
                        new Source("lsif", Kind.LATENT, 1024, 4),
                        new Source("tbf", Kind.FEATURE, 257, 768),
                        new Source("gsif1", Kind.FEATURE, 257, 1536),
                        new Source("gsif2", Kind.FEATURE, 257, 768)));
    }

    /** A small one for 64-pixel pictures: one local source, and one encoder's features of the object and of the box. */
    public static Emd3cConfig small() {
        return new Emd3cConfig(
                16,
                2,
                4,
                192,
                8,
                6,
                4,
                2,
                0.3,
                true,
                List.of(
                        new Source("lsif", Kind.LATENT, 64, 4),
                        new Source("tbf", Kind.FEATURE, 17, 96),
                        new Source("gsif", Kind.FEATURE, 17, 96)));
    }

    /** Noise, and variance where it is learned. */
    public int outChannels() {
        return learnSigma ? 2 * latentChannels : latentChannels;
    }

    /** The shapes of the sources' features: latents [B,C,H,W], or tokens [B,N,W]. */
    public List<Shape> featureShapes(int batch) {
        return sources.stream()
                .map(s -> s.kind == Kind.LATENT
                        ? Shape.of(batch, s.width, inputSize, inputSize)
                        : Shape.of(batch, s.tokens, s.width))
                .toList();
    }

    /** DTDNet's sizes: those of an MDT of version 1 whose sample is the hint and the noisy latent; its one class is never asked for. */
    MdtConfig body() {
        return new MdtConfig(
                1,
                inputSize,
                patchSize,
                2 * latentChannels,
                hiddenSize,
                depth,
                numHeads,
                mlpRatio,
                1,
                decodeLayer,
                maskRatio,
                learnSigma);
    }
}
