package org.maskrt.trainer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.Checks;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.weights.Component;

/**
 * An E-MD3C.
 *
 * @param family {@code emd3c}
 * @param patchSize P
 * @param hiddenSize D
 * @param depth number of blocks
 * @param numHeads of each attention
 * @param mlpRatio hidden width of the MLP over D
 * @param decodeLayer blocks after the side-interpolater
 * @param maskRatio of the tokens that are hidden
 * @param masking how the masked pass is trained
 * @param sources what the conditions collector is given
 */
public record Emd3cSizes(
        String family,
        int patchSize,
        int hiddenSize,
        int depth,
        int numHeads,
        double mlpRatio,
        int decodeLayer,
        double maskRatio,
        MdtTraining masking,
        List<SourceSizes> sources)
        implements DenoiserTraining.MdtSizes {
    private static final String OWNER = "transformer.model.sources";
    /** As many as a model folder has room for. */
    private static final int MOST_ENCODERS = 2;

    /**
     * One input of the conditions collector.
     *
     * @param name in the weights' paths; one that begins with {@code tbf} is of the box, any other of the object
     * @param kind a latent, or the tokens of an image encoder
     * @param encoder the image encoder's folder; empty for a latent
     * @param imageSize height and width of the pictures that the image encoder is given
     */
    public record SourceSizes(String name, Kind kind, String encoder, int imageSize) {
        /** @throws MaskRtException (USAGE) for a feature without an encoder, or a latent with one */
        public SourceSizes {
            Checks.require(
                    kind == Kind.FEATURE != encoder.isEmpty(),
                    OWNER,
                    "encoder of " + name,
                    kind == Kind.FEATURE ? "the folder of an image encoder" : "left out, as it is a latent",
                    "'" + encoder + "'");
            Checks.positive(OWNER, "image_size of " + name, imageSize);
        }
    }

    /** Keeps the sources. */
    public Emd3cSizes {
        sources = List.copyOf(sources);
    }

    @Override
    public Emd3c of(int inputSize, int channels, int classes) {
        Map<String, DinoV2Config> encoders = new HashMap<>();
        List<Emd3cConfig.Source> found = new ArrayList<>();
        for (SourceSizes source : sources) {
            if (source.kind == Kind.LATENT) {
                int side = inputSize / patchSize;
                found.add(new Emd3cConfig.Source(source.name, Kind.LATENT, side * side, channels));
                continue;
            }
            DinoV2Config encoder = encoders.computeIfAbsent(source.encoder, Emd3cSizes::encoder);
            Checks.require(
                    source.imageSize % encoder.patchSize() == 0,
                    OWNER,
                    "image_size of " + source.name,
                    "a multiple of the encoder's patch_size " + encoder.patchSize(),
                    source.imageSize);
            int side = source.imageSize / encoder.patchSize();
            found.add(new Emd3cConfig.Source(source.name, Kind.FEATURE, 1 + side * side, encoder.hiddenSize()));
        }
        requireFolder(encoders, found);
        return new Emd3c(new Emd3cConfig(
                inputSize,
                patchSize,
                channels,
                hiddenSize,
                depth,
                numHeads,
                mlpRatio,
                decodeLayer,
                maskRatio,
                true,
                found));
    }

    /** A model folder tells image encoders apart by their width, and gives each pictures of one size. */
    private static void requireFolder(Map<String, DinoV2Config> encoders, List<Emd3cConfig.Source> found) {
        long widths = encoders.values().stream()
                .mapToInt(DinoV2Config::hiddenSize)
                .distinct()
                .count();
        Map<Integer, Integer> tokens = new HashMap<>();
        boolean oneSize = found.stream().filter(s -> s.kind() == Kind.FEATURE).allMatch(s -> {
            Integer before = tokens.putIfAbsent(s.width(), s.tokens());
            return before == null || before == s.tokens();
        });
        if (widths != encoders.size() || widths > MOST_ENCODERS || !oneSize) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    OWNER + ": expected at most " + MOST_ENCODERS
                            + " image encoders, of different widths, and one image_size for each, received "
                            + encoders.keySet() + "; choose others");
        }
    }

    private static DinoV2Config encoder(String folder) {
        try (Component<DinoV2> encoder = Component.openImageEncoder(Path.of(folder))) {
            return encoder.model().config();
        }
    }
}
