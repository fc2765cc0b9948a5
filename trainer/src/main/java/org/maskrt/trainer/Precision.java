package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonProperty;

/** In what numbers convolutions and the matrix products over tokens are computed. Weights, residual stream, norms, softmax and losses are fp32 always. */
public enum Precision {
    @JsonProperty("fp32")
    FP32,
    /** Operands rounded to bfloat16, sums in fp32: two to three times as fast on processors that have it. */
    @JsonProperty("bf16")
    BF16
}
