package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.data.BatchOrder;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.PairSource;

/**
 * Contrastive training of an image encoder (InfoNCE: van den Oord et al., 2018, equation 4; both ways, as Radford et al., 2021): the class token of
 * an object's own picture is nearest to that of the same object's box in a scene, among those of the batch. What tells objects apart stays in the
 * features, how they are turned and lit does not.
 */
final class EncoderObjective implements Objective {
    private static final float EPS = 1e-12f;

    private final DinoV2 model;
    private final EncoderTraining config;
    private final PairSource pairs;
    private final BatchOrder order;

    EncoderObjective(DinoV2 model, EncoderTraining config, PairSource pairs, Streams streams) {
        this.model = model;
        this.config = config;
        this.pairs = pairs;
        this.order = new BatchOrder(pairs.count(), config.batch(), streams.seed());
    }

    @Override
    public List<String> metrics() {
        return List.of("right");
    }

    /** What the encoder is shown of an object: the box of the scene that it is in, without what is around it. */
    static RgbImage inBox(Pair pair) {
        return pair.target().crop(pair.box(), 0);
    }

    @Override
    public TrainStep prepare(long step) {
        int size = model.config().imageSize();
        List<RgbImage> alone = new ArrayList<>();
        List<RgbImage> inScene = new ArrayList<>();
        for (int row = 0; row < config.batch(); row++) {
            Pair pair = pairs.get(order.index(step, row));
            alone.add(Placement.object(pair.object(), pair.mask(), size));
            inScene.add(inBox(pair));
        }
        return new Contrast(DinoV2Pixels.of(alone, size, size), DinoV2Pixels.of(inScene, size, size));
    }

    private final class Contrast implements TrainStep {
        private final Tensor alone;
        private final Tensor inScene;

        Contrast(Tensor alone, Tensor inScene) {
            this.alone = alone;
            this.inScene = inScene;
        }

        @Override
        public int size() {
            return alone.dim(0);
        }

        @Override
        public NDArray loss(NdOps ops, Params<NDArray> p, Rows rows, Map<String, Float> metrics) {
            NDArray a =
                    unit(ops, model.forward(ops, p, ops.array(rows.of(alone))).classToken());
            NDArray b =
                    unit(ops, model.forward(ops, p, ops.array(rows.of(inScene))).classToken());
            NDArray similar = ops.scale(ops.matmul(a, ops.transpose(b, 1, 0)), (float) (1 / config.temperature()));
            metrics.put("right", (float) rightRows(similar.argMax(1).toLongArray()) / rows.size());
            return ops.scale(
                    ops.add(crossEntropy(ops, similar), crossEntropy(ops, ops.transpose(similar, 1, 0))), 0.5f);
        }

        /** Of each row's own column. */
        private NDArray crossEntropy(NdOps ops, NDArray logits) {
            int n = ops.shape(logits).dim(0);
            float[] own = new float[n * n];
            for (int i = 0; i < n; i++) {
                own[i * n + i] = -1f / n;
            }
            return ops.mul(JniUtils.logSoftmax(NdOps.pt(logits), 1, DataType.FLOAT32), ops.constant(own, n, n))
                    .sum();
        }

        private NDArray unit(NdOps ops, NDArray x) {
            return ops.div(x, ops.sqrt(ops.shift(ops.sum(ops.mul(x, x), 1), EPS)));
        }
    }

    private static int rightRows(long[] nearest) {
        int right = 0;
        for (int i = 0; i < nearest.length; i++) {
            right += nearest[i] == i ? 1 : 0;
        }
        return right;
    }
}
