package org.maskrt.models;

/** Checks that configurations make of their fields. */
public final class Checks {
    private Checks() {}

    /**
     * Requires {@code ok}.
     *
     * @throws MaskRtException (USAGE) otherwise; the message names the owner, the field, the rule and what came
     */
    public static void require(boolean ok, String owner, String field, String rule, Object got) {
        if (!ok) {
            throw new MaskRtException(ExitCode.USAGE, owner + ": " + field + " must be " + rule + ", got " + got);
        }
    }

    public static void positive(String owner, String field, int value) {
        require(value > 0, owner, field, "positive", value);
    }

    /** The sizes that every transformer on latents has. */
    public static void transformer(String owner, int inputSize, int patchSize, int hiddenSize, int numHeads) {
        positive(owner, "input_size", inputSize);
        positive(owner, "patch_size", patchSize);
        positive(owner, "hidden_size", hiddenSize);
        positive(owner, "num_heads", numHeads);
        require(inputSize % patchSize == 0, owner, "input_size", "a multiple of patch_size " + patchSize, inputSize);
        require(hiddenSize % numHeads == 0, owner, "hidden_size", "a multiple of num_heads " + numHeads, hiddenSize);
        require(hiddenSize % 4 == 0, owner, "hidden_size", "a multiple of 4 (sine-cosine positions)", hiddenSize);
    }
}
