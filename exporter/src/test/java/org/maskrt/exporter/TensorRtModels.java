package org.maskrt.exporter;

import java.util.List;
import java.util.stream.Stream;
import org.maskrt.models.Denoiser;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Emd3cConfig.Source;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.maskdit.MaskDitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;

/** A small model of each family. */
enum TensorRtModels {
    DIT(new Dit(new DitConfig(8, 2, 4, 48, 3, 2, 4, 5, true)), 3, false),
    /** Heads of width 72, as in XL. */
    MDT_V1(new Mdt(new MdtConfig(1, 8, 2, 4, 144, 3, 2, 4, 5, 1, 0.3, true)), 3, true),
    MDT_V2(new Mdt(new MdtConfig(2, 8, 2, 4, 48, 5, 3, 4, 5, 1, 0.3, true)), 5, true),
    EMD3C(
            new Emd3c(new Emd3cConfig(
                    8,
                    2,
                    4,
                    48,
                    3,
                    2,
                    4,
                    1,
                    0.3,
                    false,
                    List.of(new Source("scene", Kind.LATENT, 16, 4), new Source("object", Kind.FEATURE, 5, 24)))),
            3,
            true),
    /** Two blocks of the encoder and one of the decoder. */
    MASKDIT(new MaskDit(new MaskDitConfig(8, 2, 4, 48, 2, 2, 4, 5, 32, 1, 2, 0.5)), 3, false);

    /** What TensorRT multiplies in. */
    static final List<GraphStyle.Precision> PRECISIONS =
            List.of(GraphStyle.Precision.FP32, GraphStyle.Precision.FP16, GraphStyle.Precision.BF16);

    final transient Denoiser model;
    final int blocks;
    final boolean biased;

    TensorRtModels(Denoiser model, int blocks, boolean biased) {
        this.model = model;
        this.blocks = blocks;
        this.biased = biased;
    }

    /** Normalisations of a pass: two for each block, one before each modulated linear. */
    int norms() {
        return 2 * blocks + (this == MASKDIT ? 2 : 1);
    }

    static Stream<TensorRtModels> all() {
        return Stream.of(values());
    }
}
