package org.maskrt.calibration;

import java.util.Set;
import java.util.function.Predicate;

/**
 * Which paths 8 bits are for: the linears of transformer blocks, on tokens. The others (timesteps, labels, adaLN, patches, positions, the first and
 * the last layer) are small, or their errors reach every token, and stay as they are.
 */
public final class QuantisedPaths {
    private static final Set<String> IN_BLOCKS = Set.of("qkv", "proj", "fc1", "fc2", "skip_linear");
    private static final Set<String> IN_ATTENTIONS = Set.of("q", "k", "v", "softmax");

    /** The linears of blocks: {@code *blocks.N.attn.{qkv,proj}}, {@code *blocks.N.mlp.{fc1,fc2}}, {@code *blocks.N.skip_linear}. */
    public static final Predicate<String> LINEARS = path -> isInBlock(path) && IN_BLOCKS.contains(last(path));

    /** Those, and the operands of the products of attentions in blocks. */
    public static final Predicate<String> LINEARS_AND_ATTENTIONS =
            LINEARS.or(path -> isInBlock(path) && IN_ATTENTIONS.contains(last(path)));

    private QuantisedPaths() {}

    private static boolean isInBlock(String path) {
        return path.matches("(.*\\.)?[a-z_]*blocks\\.\\d+\\..*");
    }

    private static String last(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
