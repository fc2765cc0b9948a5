package org.maskrt.trainer;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;

/**
 * A training run at a step, as a safetensors file: weights, AdamW's moments, the averages of the weights and what else the objective learnt, with
 * the step, the seed (which with the step is the whole state of every random stream) and the configuration in its metadata.
 *
 * @param step how many steps lie behind
 * @param config of the run, as text
 * @param arrays of the {@link TrainState} by name, each [P]
 * @param learnt of the {@link Objective} by name
 */
record Checkpoint(long step, String config, Map<String, float[]> arrays, Map<String, float[]> learnt) {
    void write(Path file) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        arrays.forEach((name, values) -> tensors.put(name, Tensor.of(values, values.length)));
        learnt.forEach((name, values) -> tensors.put(name, Tensor.of(values, values.length)));
        Map<String, String> metadata = Map.of(
                "step",
                Long.toString(step),
                "config",
                config,
                "crc32c",
                Long.toHexString(
                        sum(tensors.values().stream().map(Tensor::values).toList())));
        SafeTensors.write(file, Weights.of(file.toString(), tensors), DType.F32, metadata);
    }

    /**
     * Reads a checkpoint.
     *
     * @param config that it must have
     * @param names of the arrays of the state
     * @param size P
     * @throws MaskRtException if the file is damaged, or belongs to another configuration
     */
    static Checkpoint read(Path file, String config, List<String> names, int size) {
        try (SafeTensors in = SafeTensors.open(file)) {
            Map<String, String> metadata = in.metadata();
            if (!metadata.getOrDefault("step", "").matches("\\d{1,18}") || !metadata.containsKey("config")) {
                throw damaged(
                        file, "a step and a configuration", metadata.keySet().toString());
            }
            if (!config.equals(metadata.get("config"))) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        file + ": expected a checkpoint of this configuration, it belongs to another one;"
                                + " use the configuration that began this folder, or another folder");
            }
            Map<String, float[]> arrays = new LinkedHashMap<>();
            Map<String, float[]> learnt = new LinkedHashMap<>();
            for (String name : names) {
                if (!in.keys().contains(name) || in.shape(name).size() != size) {
                    throw damaged(
                            file,
                            "'" + name + "' with " + size + " values",
                            in.keys().toString());
                }
            }
            List<float[]> all = new ArrayList<>();
            for (String key : in.keys()) {
                float[] values = in.tensor(key).values();
                (names.contains(key) ? arrays : learnt).put(key, values);
                all.add(values);
            }
            String sum = Long.toHexString(sum(all));
            if (!sum.equals(metadata.get("crc32c"))) {
                throw damaged(file, "contents of checksum " + metadata.get("crc32c"), sum);
            }
            return new Checkpoint(Long.parseLong(metadata.getOrDefault("step", "")), config, arrays, learnt);
        }
    }

    private static MaskRtException damaged(Path file, String expected, String received) {
        return new MaskRtException(
                ExitCode.FAILURE,
                file + ": this checkpoint is damaged: expected " + expected + ", received " + received
                        + "; delete it to start this stage anew");
    }

    private static long sum(List<float[]> arrays) {
        CRC32C crc = new CRC32C();
        ByteBuffer bytes = ByteBuffer.allocate(1 << 16);
        for (float[] values : arrays) {
            for (int from = 0; from < values.length; from += bytes.capacity() / Float.BYTES) {
                int count = Math.min(values.length - from, bytes.capacity() / Float.BYTES);
                bytes.clear();
                bytes.asFloatBuffer().put(values, from, count);
                bytes.limit(count * Float.BYTES);
                crc.update(bytes);
            }
        }
        return crc.getValue();
    }
}
