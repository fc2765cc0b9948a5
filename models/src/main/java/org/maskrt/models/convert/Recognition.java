package org.maskrt.models.convert;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ModelSize;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.weights.Weights;

/**
 * Which model a set of weights makes, from the names and shapes of its tensors alone.
 *
 * @param denoiser the model
 * @param assumptions what the weights do not say and was assumed, a line each
 */
public record Recognition(Denoiser denoiser, List<String> assumptions) {
    private static final double PUBLISHED_MASK_RATIO = 0.3;
    private static final int PUBLISHED_DECODE_LAYER = 2;
    private static final int PUBLISHED_DECODER_WIDTH = 512;
    private static final int PUBLISHED_DECODER_HEADS = 16;
    private static final double PUBLISHED_SIGMA_DATA = 0.5;
    private static final int USUAL_HEAD_WIDTH = 64;

    /**
     * What a caller knows that weights do not say.
     *
     * @param heads of each attention of a DiT or MaskDiT encoder
     * @param decodeLayer blocks after the side-interpolater of an MDT of version 1
     */
    public record Hints(OptionalInt heads, OptionalInt decodeLayer) {
        public static final Hints NONE = new Hints(OptionalInt.empty(), OptionalInt.empty());
    }

    public Recognition {
        assumptions = List.copyOf(assumptions);
    }

    /**
     * Recognises DiT, MDT of both versions, and MaskDiT, under the names that their authors publish.
     *
     * @throws MaskRtException (FAILURE) if it is none of them; the message says what was looked for
     */
    public static Recognition of(Weights weights, Hints hints) {
        return new Reader(weights, hints).recognise();
    }

    private static final class Reader {
        private final Weights weights;
        private final Hints hints;
        private final List<String> assumptions = new ArrayList<>();

        Reader(Weights weights, Hints hints) {
            this.weights = weights;
            this.hints = hints;
        }

        Recognition recognise() {
            Denoiser model;
            if (has("model.decoder_layer.linear.weight")) {
                model = maskDit();
            } else if (any(key -> key.startsWith("en_inblocks."))) {
                model = mdt(2);
            } else if (has("decoder_pos_embed")) {
                model = mdt(1);
            } else if (has("blocks.0.adaLN_modulation.1.weight")) {
                model = dit();
            } else {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        weights.origin()
                                + ": expected the weights of a DiT, MDT or MaskDiT (blocks.0.adaLN_modulation.1.weight,"
                                + " en_inblocks.*, model.decoder_layer.*), found "
                                + weights.keys().size() + " tensors such as "
                                + weights.keys().stream().limit(3).toList() + "; name another part with --part");
            }
            return new Recognition(model, assumptions);
        }

        private Dit dit() {
            int width = width("");
            int patch = shape("x_embedder.proj.weight", 4).dim(2);
            int channels = shape("x_embedder.proj.weight", 4).dim(1);
            return new Dit(new DitConfig(
                    side("pos_embed", patch),
                    patch,
                    channels,
                    width,
                    count("blocks"),
                    heads(width),
                    mlpRatio("blocks.0", width),
                    classes(),
                    learnsSigma(patch, channels)));
        }

        private Mdt mdt(int version) {
            int width = width("");
            int patch = shape("x_embedder.proj.weight", 4).dim(2);
            int channels = shape("x_embedder.proj.weight", 4).dim(1);
            String first = version == 1 ? "blocks" : "en_inblocks";
            int heads = shape(first + ".0.attn.rel_pos_bias.relative_position_bias_table", 2)
                    .dim(1);
            int decoders;
            int depth;
            if (version == 2) {
                decoders = count("de_blocks");
                depth = count("en_inblocks") + count("en_outblocks") + decoders;
            } else {
                decoders = hints.decodeLayer().orElse(PUBLISHED_DECODE_LAYER);
                if (hints.decodeLayer().isEmpty()) {
                    assumptions.add("decode_layer " + decoders + ", as published (--decode-layer)");
                }
                depth = count("blocks");
            }
            assumptions.add("mask_ratio " + PUBLISHED_MASK_RATIO + ", as published; only training uses it");
            return new Mdt(new MdtConfig(
                    version,
                    side("pos_embed", patch),
                    patch,
                    channels,
                    width,
                    depth,
                    heads,
                    mlpRatio(first + ".0", width),
                    classes(),
                    decoders,
                    PUBLISHED_MASK_RATIO,
                    learnsSigma(patch, channels)));
        }

        private MaskDit maskDit() {
            int width = width("model.");
            Shape patches = shape("model.x_embedder.proj.weight", 4);
            int decoder = shape("model.decoder_layer.linear.weight", 2).dim(0);
            int decoderHeads = PUBLISHED_DECODER_HEADS;
            if (decoder != PUBLISHED_DECODER_WIDTH) {
                decoderHeads = Math.max(1, decoder / USUAL_HEAD_WIDTH);
                assumptions.add(decoderHeads + " heads in the decoder, " + USUAL_HEAD_WIDTH + " channels each");
            }
            assumptions.add("sigma_data " + PUBLISHED_SIGMA_DATA + ", as published");
            return new MaskDit(new MaskDitConfig(
                    side("model.pos_embed", patches.dim(2)),
                    patches.dim(2),
                    patches.dim(1),
                    width,
                    count("model.blocks"),
                    heads(width),
                    mlpRatio("model.blocks.0", width),
                    shape("model.y_embedder.embedding_table.weight", 2).dim(1),
                    decoder,
                    count("model.decoder_blocks"),
                    decoderHeads,
                    PUBLISHED_SIGMA_DATA));
        }

        private boolean has(String key) {
            return weights.keys().contains(key);
        }

        private boolean any(Predicate<String> wanted) {
            return weights.keys().stream().anyMatch(wanted);
        }

        private Shape shape(String key, int rank) {
            if (!has(key) || weights.shape(key).rank() != rank) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        weights.origin() + ": expected a tensor '" + key + "' of " + rank + " dimensions, found "
                                + (has(key) ? weights.shape(key).toString() : "none")
                                + "; the sizes of the model follow from it");
            }
            return weights.shape(key);
        }

        private int width(String root) {
            return shape(root + "x_embedder.proj.weight", 4).dim(0);
        }

        private int side(String positions, int patch) {
            int tokens = shape(positions, 3).dim(1);
            return (int) Math.round(Math.sqrt(tokens)) * patch;
        }

        private int classes() {
            return shape("y_embedder.embedding_table.weight", 2).dim(0) - 1;
        }

        private boolean learnsSigma(int patch, int channels) {
            return shape("final_layer.linear.weight", 2).dim(0) == 2 * channels * patch * patch;
        }

        private double mlpRatio(String block, int width) {
            return (double) shape(block + ".mlp.fc1.weight", 2).dim(0) / width;
        }

        /** Blocks {@code list.0} and on. */
        private int count(String list) {
            Pattern index = Pattern.compile(Pattern.quote(list) + "\\.(\\d{1,5})\\..*");
            int most = -1;
            for (String key : weights.keys()) {
                Matcher m = index.matcher(key);
                if (m.matches()) {
                    most = Math.max(most, Integer.parseInt(m.group(1)));
                }
            }
            return most + 1;
        }

        /** The number of heads leaves no trace in a DiT's weights; the published widths have one each. */
        private int heads(int width) {
            if (hints.heads().isPresent()) {
                return hints.heads().getAsInt();
            }
            for (ModelSize size : ModelSize.values()) {
                if (size.width() == width) {
                    return size.heads();
                }
            }
            if (width % USUAL_HEAD_WIDTH != 0) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        weights.origin() + ": the number of heads of a model of width " + width
                                + " does not follow from its weights; name it with --heads");
            }
            assumptions.add(width / USUAL_HEAD_WIDTH + " heads of " + USUAL_HEAD_WIDTH + " channels each (--heads)");
            return width / USUAL_HEAD_WIDTH;
        }
    }
}
