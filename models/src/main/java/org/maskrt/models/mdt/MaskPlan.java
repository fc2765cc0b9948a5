package org.maskrt.models.mdt;

import java.util.Comparator;
import java.util.stream.IntStream;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Tensor;

/**
 * Which tokens of each sample the encoder sees, and how to put them back in place (MAE's random masking).
 *
 * @param keep [B,K] the kept tokens, in the order in which the encoder sees them
 * @param restore [B,N] for each token its place among (kept, then masked) ones
 * @param mask [B,N,1], 1 where a token is masked, 0 where it is kept
 */
public record MaskPlan(Tensor keep, Tensor restore, Tensor mask) {
    /**
     * The plan of a uniform draw per token: the tokens with the smallest noise stay.
     *
     * @param noise [B,N]
     */
    public static MaskPlan of(float[] noise, int batch, int tokens, int kept) {
        if (noise.length != batch * tokens || kept < 1 || kept > tokens) {
            throw new IllegalArgumentException("a mask plan needs noise [" + batch + "," + tokens + "] and 1 to "
                    + tokens + " kept tokens, got " + noise.length + " values and " + kept);
        }
        long[] keep = new long[batch * kept];
        long[] restore = new long[batch * tokens];
        float[] mask = new float[batch * tokens];
        for (int b = 0; b < batch; b++) {
            int base = b * tokens;
            int[] shuffle = IntStream.range(0, tokens)
                    .boxed()
                    .sorted(Comparator.comparingDouble(i -> noise[base + i]))
                    .mapToInt(Integer::intValue)
                    .toArray();
            for (int rank = 0; rank < tokens; rank++) {
                int token = shuffle[rank];
                restore[base + token] = rank;
                if (rank < kept) {
                    keep[b * kept + rank] = token;
                } else {
                    mask[base + token] = 1;
                }
            }
        }
        return new MaskPlan(
                Tensor.ofIndices(keep, batch, kept),
                Tensor.ofIndices(restore, batch, tokens),
                Tensor.of(mask, batch, tokens, 1));
    }

    /** int(N (1 - ratio)) in fp64, as version 1 computes it. */
    public static int kept(int tokens, double ratio) {
        return (int) (tokens * (1 - ratio));
    }

    /** int(N (1 - ratio)) in fp32, as version 2 computes it from its drawn ratio. */
    public static int kept(int tokens, float ratio) {
        return (int) (tokens * (1 - ratio));
    }

    /** The plan as tensors of an interpreter. */
    public <T> Masked<T> on(Ops<T> ops) {
        return new Masked<>(
                ops.indices(keep.indices(), keep.shape().dims()),
                ops.indices(restore.indices(), restore.shape().dims()),
                ops.constant(mask.values(), mask.shape().dims()));
    }

    /**
     * A plan in an interpreter's tensors.
     *
     * @param keep [B,K]
     * @param restore [B,N]
     * @param mask [B,N,1]
     */
    public record Masked<T>(T keep, T restore, T mask) {}
}
