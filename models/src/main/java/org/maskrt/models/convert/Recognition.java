package org.maskrt.models.convert;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ModelSize;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.ForeignNames;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

/**
 * Which model a set of weights makes, from the names and shapes of its tensors alone.
 *
 * @param part the model
 * @param assumptions what the weights do not say and was assumed, a line each
 */
public record Recognition(Part part, List<String> assumptions) {
    /** A model, as the part of a model folder that it can be. */
    public sealed interface Part {
        /** Every weight of it. */
        Map<String, Shape> wanted();

        /** What draws from noise. */
        record Transformer(Denoiser model) implements Part {
            @Override
            public Map<String, Shape> wanted() {
                return WeightCheck.wanted(model);
            }
        }

        /** Pictures to latents and back. */
        record Vae(AutoencoderKl model) implements Part {
            @Override
            public Map<String, Shape> wanted() {
                return WeightCheck.wanted(model);
            }
        }

        /** Features of pictures. */
        record ImageEncoder(DinoV2 model) implements Part {
            @Override
            public Map<String, Shape> wanted() {
                return WeightCheck.wanted(model);
            }
        }
    }

    private static final double PUBLISHED_MASK_RATIO = 0.3;
    private static final int PUBLISHED_DECODE_LAYER = 2;
    private static final int PUBLISHED_DECODER_WIDTH = 512;
    private static final int PUBLISHED_DECODER_HEADS = 16;
    private static final double PUBLISHED_SIGMA_DATA = 0.5;
    private static final int USUAL_HEAD_WIDTH = 64;
    private static final double PUBLISHED_MLP_RATIO = 4;
    /** A weight that every source of an E-MD3C's conditions collector has. */
    private static final Pattern SOURCE = Pattern.compile("ccnet\\.([a-z][a-z0-9_]*)\\.collapse\\.weight");

    /**
     * What a caller knows that weights do not say.
     *
     * @param heads of each attention of a DiT, MaskDiT encoder or DINOv2
     * @param decodeLayer blocks after the side-interpolater of an MDT of version 1 or E-MD3C
     */
    public record Hints(OptionalInt heads, OptionalInt decodeLayer) {
        public static final Hints NONE = new Hints(OptionalInt.empty(), OptionalInt.empty());
    }

    public Recognition {
        assumptions = List.copyOf(assumptions);
    }

    /**
     * The denoiser.
     *
     * @throws MaskRtException (USAGE) if it is another part
     */
    public Denoiser denoiser() {
        if (part instanceof Part.Transformer transformer) {
            return transformer.model();
        }
        throw new MaskRtException(
                ExitCode.USAGE, "expected the weights of a denoiser, found those of " + part + "; name another file");
    }

    /**
     * Recognises DiT, MDT of both versions, E-MD3C and MaskDiT, under the names that their authors publish, AutoencoderKL under diffusers' names
     * and DINOv2 under its authors' ({@link #named}).
     *
     * @throws MaskRtException (FAILURE) if it is none of them; the message says what was looked for
     */
    public static Recognition of(Weights weights, Hints hints) {
        return new Reader(weights, hints).recognise();
    }

    /** The weights under the names of our models, if they are an autoencoder's or an image encoder's; otherwise as they are. */
    public static Weights named(Weights weights) {
        if (weights.keys().stream().anyMatch(key -> key.endsWith("cls_token"))
                && weights.keys().stream().anyMatch(key -> key.contains("patch_embed"))) {
            return ForeignNames.imageEncoder(weights);
        }
        return weights.keys().stream().anyMatch(key -> key.endsWith("decoder.conv_in.weight"))
                ? ForeignNames.autoencoder(weights)
                : weights;
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
            Part part;
            if (has("cls_token")) {
                part = new Part.ImageEncoder(dinoV2());
            } else if (has("decoder.conv_in.weight")) {
                part = new Part.Vae(autoencoder());
            } else {
                part = new Part.Transformer(denoiser());
            }
            return new Recognition(part, assumptions);
        }

        private Denoiser denoiser() {
            if (has("model.decoder_layer.linear.weight")) {
                return maskDit();
            }
            if (any(key -> key.startsWith("en_inblocks."))) {
                return mdt(2);
            }
            if (has("ccnet.out.weight")) {
                return emd3c();
            }
            if (has("decoder_pos_embed")) {
                return mdt(1);
            }
            if (has("blocks.0.adaLN_modulation.1.weight")) {
                return dit();
            }
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    weights.origin()
                            + ": expected the weights of a DiT, MDT, E-MD3C or MaskDiT (blocks.0.adaLN_modulation.1.weight,"
                            + " en_inblocks.*, ccnet.*, model.decoder_layer.*), of an autoencoder (decoder.conv_in.*) or of a"
                            + " DINOv2 (cls_token), found "
                            + weights.keys().size() + " tensors such as "
                            + weights.keys().stream().limit(3).toList() + "; name another part with --part");
        }

        private DinoV2 dinoV2() {
            Shape patches = shape("patch_embed.proj.weight", 4);
            int width = patches.dim(0);
            int patch = patches.dim(2);
            int positions = shape("pos_embed", 3).dim(1) - 1;
            int registers = has("register_tokens") ? shape("register_tokens", 3).dim(1) : 0;
            boolean swiglu = has("blocks.0.mlp.w12.weight");
            int hidden = swiglu
                    ? shape("blocks.0.mlp.w3.weight", 2).dim(1)
                    : shape("blocks.0.mlp.fc1.weight", 2).dim(0);
            double ratio = (double) hidden / width * (swiglu ? 1.5 : 1);
            DinoV2Config plain = new DinoV2Config(
                    (int) Math.round(Math.sqrt(positions)) * patch,
                    patch,
                    patches.dim(1),
                    width,
                    count("blocks"),
                    encoderHeads(width),
                    swiglu && isPublishedWidth(width, hidden) ? PUBLISHED_MLP_RATIO : ratio,
                    swiglu,
                    registers,
                    registers > 0,
                    registers > 0 ? 0 : DinoV2Config.PUBLISHED_OFFSET);
            assumptions.add(
                    "positions are interpolated "
                            + (registers > 0
                                    ? "with averaging, as published for models with registers"
                                    : "with an offset of " + DinoV2Config.PUBLISHED_OFFSET
                                            + ", as published (interpolate_offset 0 in config.json is what transformers does)"));
            return new DinoV2(plain);
        }

        /** SwiGLU's width is rounded, so several ratios have the same; the published one is the likeliest. */
        private static boolean isPublishedWidth(int width, int hidden) {
            return hidden == ((int) (PUBLISHED_MLP_RATIO * width * 2 / 3) + 7) / 8 * 8;
        }

        private int encoderHeads(int width) {
            if (hints.heads().isPresent()) {
                return hints.heads().getAsInt();
            }
            if (width % USUAL_HEAD_WIDTH != 0) {
                throw noHeads(width);
            }
            if (DinoV2Config.presets().values().stream().noneMatch(c -> c.hiddenSize() == width)) {
                assumptions.add(
                        width / USUAL_HEAD_WIDTH + " heads of " + USUAL_HEAD_WIDTH + " channels each (--heads)");
            }
            return width / USUAL_HEAD_WIDTH;
        }

        private MaskRtException noHeads(int width) {
            return new MaskRtException(
                    ExitCode.USAGE,
                    weights.origin() + ": the number of heads of a model of width " + width
                            + " does not follow from its weights; name it with --heads");
        }

        private AutoencoderKl autoencoder() {
            List<Integer> widths = new ArrayList<>();
            while (has("encoder.down_blocks." + widths.size() + ".resnets.0.conv1.weight")) {
                widths.add(shape("encoder.down_blocks." + widths.size() + ".resnets.0.conv1.weight", 4)
                        .dim(0));
            }
            AutoencoderKlConfig published = AutoencoderKlConfig.sdVae();
            int groups = published.normNumGroups();
            if (widths.isEmpty() || widths.stream().anyMatch(width -> width % groups != 0)) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        weights.origin() + ": expected an autoencoder of widths that are multiples of " + groups
                                + ", as published, found " + widths
                                + "; import a folder whose config.json says the number of groups");
            }
            int side = published.sampleSize();
            assumptions.add(groups + " groups in each GroupNorm, scaling_factor " + published.scalingFactor()
                    + " and sample_size " + side + ", as published");
            return new AutoencoderKl(new AutoencoderKlConfig(
                    shape("encoder.conv_in.weight", 4).dim(1),
                    shape("decoder.conv_in.weight", 4).dim(1),
                    widths,
                    count("encoder.down_blocks.0.resnets"),
                    groups,
                    published.scalingFactor(),
                    side));
        }

        private Emd3c emd3c() {
            int width = width("");
            Shape patches = shape("x_embedder.proj.weight", 4);
            int channels = patches.dim(1) / 2;
            List<Emd3cConfig.Source> sources = new ArrayList<>();
            for (String key : weights.keys()) {
                Matcher source = SOURCE.matcher(key);
                if (source.matches()) {
                    String name = source.group(1);
                    boolean latent = has("ccnet." + name + ".patch.weight");
                    sources.add(new Emd3cConfig.Source(
                            name,
                            latent ? Emd3cConfig.Kind.LATENT : Emd3cConfig.Kind.FEATURE,
                            shape(key, 2).dim(1),
                            latent
                                    ? shape("ccnet." + name + ".patch.weight", 4)
                                            .dim(1)
                                    : shape("ccnet." + name + ".proj.weight", 2).dim(1)));
                }
            }
            return new Emd3c(new Emd3cConfig(
                    side("pos_embed", patches.dim(2)),
                    patches.dim(2),
                    channels,
                    width,
                    count("blocks"),
                    relativeHeads("blocks"),
                    mlpRatio("blocks.0", width),
                    decodeLayer(),
                    maskRatio(),
                    learnsSigma(patches.dim(2), channels),
                    sources));
        }

        private int relativeHeads(String blocks) {
            return shape(blocks + ".0.attn.rel_pos_bias.relative_position_bias_table", 2)
                    .dim(1);
        }

        private int decodeLayer() {
            if (hints.decodeLayer().isEmpty()) {
                assumptions.add("decode_layer " + PUBLISHED_DECODE_LAYER + ", as published (--decode-layer)");
            }
            return hints.decodeLayer().orElse(PUBLISHED_DECODE_LAYER);
        }

        private double maskRatio() {
            assumptions.add("mask_ratio " + PUBLISHED_MASK_RATIO + ", as published; only training uses it");
            return PUBLISHED_MASK_RATIO;
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
            int heads = relativeHeads(first);
            int decoders;
            int depth;
            if (version == 2) {
                decoders = count("de_blocks");
                depth = count("en_inblocks") + count("en_outblocks") + decoders;
            } else {
                decoders = decodeLayer();
                depth = count("blocks");
            }
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
                    maskRatio(),
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
                throw noHeads(width);
            }
            assumptions.add(width / USUAL_HEAD_WIDTH + " heads of " + USUAL_HEAD_WIDTH + " channels each (--heads)");
            return width / USUAL_HEAD_WIDTH;
        }
    }
}
