package org.maskrt.models.layers;

import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/** A learned bias of the attention logits for each offset between two tokens of a square grid (BEiT; MDT, section 3.3). */
public final class RelativePositionBias {
    /** Rows that the published table keeps for a class token, which MDT does not have. */
    private static final int SPARE_ROWS = 3;

    private RelativePositionBias() {}

    /** Rows of {@code relative_position_bias_table} for {@code tokens} tokens. */
    public static int tableRows(int tokens) {
        int span = 2 * side(tokens) - 1;
        return span * span + SPARE_ROWS;
    }

    /** {@code relative_position_index} [N,N]: the row of the table for each pair (query, key), row-major. */
    public static long[] index(int tokens) {
        int side = side(tokens);
        long[] index = new long[tokens * tokens];
        for (int q = 0; q < tokens; q++) {
            for (int k = 0; k < tokens; k++) {
                int dy = q / side - k / side + side - 1;
                int dx = q % side - k % side + side - 1;
                index[q * tokens + k] = (long) dy * (2 * side - 1) + dx;
            }
        }
        return index;
    }

    /**
     * The bias of all tokens [1,H,N,N], or of each sample's kept tokens [B,H,K,K].
     *
     * @param p holds {@code relative_position_bias_table} [rows,H]
     * @param keep the kept tokens [B,K], or null for all
     */
    public static <T> T of(Ops<T> ops, Params<T> p, int tokens, int heads, @Nullable T keep) {
        T table = p.get("relative_position_bias_table", tableRows(tokens), heads);
        T bias = ops.rows(table, ops.indices(index(tokens), tokens, tokens));
        if (keep == null) {
            return ops.reshape(ops.transpose(bias, 2, 0, 1), 1, heads, tokens, tokens);
        }
        int kept = ops.shape(keep).dim(1);
        T queries = ops.rows(ops.reshape(bias, tokens, tokens * heads), keep);
        T keyMajor = ops.transpose(ops.reshape(queries, Shape.BATCH, kept, tokens, heads), 0, 2, 1, 3);
        T pairs = ops.takeTokens(ops.reshape(keyMajor, Shape.BATCH, tokens, kept * heads), keep);
        return ops.transpose(ops.reshape(pairs, Shape.BATCH, kept, kept, heads), 0, 3, 2, 1);
    }

    private static int side(int tokens) {
        return (int) Math.round(Math.sqrt(tokens));
    }
}
