package org.maskrt.exporter;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One node.
 *
 * @param path the layer it belongs to, such as {@code blocks.3.attn.qkv}
 * @param inputs null where an optional input is left out
 * @param attributes values are Long, Float, String, or long[]
 */
record OnnxNode(
        OnnxOp op,
        String path,
        List<@Nullable OnnxValue> inputs,
        Map<String, Object> attributes,
        List<OnnxValue> outputs) {}
