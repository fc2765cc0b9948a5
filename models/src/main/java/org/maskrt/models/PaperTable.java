package org.maskrt.models;

import java.util.Map;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;

/**
 * A model's size as its paper states it (MDT, table 6).
 *
 * <p>Parameters are the trained ones of the inference graph: MDT's two position embeddings count, DiT's fixed one does not, the side-interpolater
 * and its mask token do not. MACs are those of matrix products, those of the attention included, for one sample, plus a small term that the
 * published counts hold for LayerNorm: 1 an element in DiT's figures, 4 an element in MDT's.
 *
 * @param parameters trained weights of the inference graph
 * @param macs multiply-accumulates of one forward pass of one sample, with the paper's LayerNorm term
 * @param matmulMacs the same without that term
 */
public record PaperTable(long parameters, long macs, long matmulMacs) {
    /** Traces {@code model} on one latent. */
    public static PaperTable of(Denoiser model) {
        CostOps ops = trace(model);
        CostOps.Cost total = ops.total();
        boolean dit = model instanceof Dit || model instanceof MaskDit;
        long fixed = 0;
        for (Map.Entry<String, Shape> weight : ops.weights().entrySet()) {
            if (dit && weight.getKey().endsWith("pos_embed")) {
                fixed += weight.getValue().size();
            }
        }
        long layerNorm = (dit ? 1 : 4) * total.normalised();
        return new PaperTable(total.parameters() - fixed, total.macs() + layerNorm, total.macs());
    }

    /** The costs of one forward pass of one sample, and of an E-MD3C's conditions collector. */
    public static CostOps trace(Denoiser model) {
        CostOps ops = new CostOps();
        model.forward(
                ops, ops.params(), ops.input(model.sampleDims(1)), ops.input(1), ops.input(model.conditionDims(1)));
        if (model instanceof Emd3c emd3c) {
            emd3c.collect(ops, ops.params(), emd3c.config().featureShapes(1));
        }
        return ops;
    }
}
