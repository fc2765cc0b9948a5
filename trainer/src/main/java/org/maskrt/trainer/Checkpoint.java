package org.maskrt.trainer;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;

/**
 * A training run at a step, as a safetensors file: weights, AdamW's moments and the average of the weights, with the step, the seed (which with
 * the step is the whole state of every random stream) and the configuration in its metadata.
 *
 * @param step how many steps lie behind
 * @param config of the run, as text
 * @param arrays weights, first moment, second moment, average, each [P]
 */
record Checkpoint(long step, String config, float[][] arrays) {
    private static final String[] NAMES = {"weights", "first_moment", "second_moment", "average"};

    void write(Path file) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (int i = 0; i < NAMES.length; i++) {
            tensors.put(NAMES[i], Tensor.of(arrays[i], arrays[i].length));
        }
        Map<String, String> metadata =
                Map.of("step", Long.toString(step), "config", config, "crc32c", Long.toHexString(sum(arrays)));
        SafeTensors.write(file, Weights.of(file.toString(), tensors), DType.F32, metadata);
    }

    /**
     * Reads a checkpoint.
     *
     * @param size P
     * @throws MaskRtException if the file is damaged, or holds something else
     */
    static Checkpoint read(Path file, int size) {
        try (SafeTensors in = SafeTensors.open(file)) {
            float[][] arrays = new float[NAMES.length][];
            for (int i = 0; i < NAMES.length; i++) {
                if (!in.keys().contains(NAMES[i]) || in.shape(NAMES[i]).size() != size) {
                    throw damaged(
                            file,
                            "'" + NAMES[i] + "' with " + size + " values",
                            in.keys().toString());
                }
                arrays[i] = in.tensor(NAMES[i]).values();
            }
            Map<String, String> metadata = in.metadata();
            String sum = Long.toHexString(sum(arrays));
            if (!sum.equals(metadata.get("crc32c"))) {
                throw damaged(file, "contents of checksum " + metadata.get("crc32c"), sum);
            }
            String config = metadata.get("config");
            if (config == null || !metadata.getOrDefault("step", "").matches("\\d{1,18}")) {
                throw damaged(
                        file, "a step and a configuration", metadata.keySet().toString());
            }
            return new Checkpoint(Long.parseLong(metadata.get("step")), config, arrays);
        }
    }

    private static MaskRtException damaged(Path file, String expected, String received) {
        return new MaskRtException(
                ExitCode.FAILURE,
                file + ": this checkpoint is damaged: expected " + expected + ", received " + received
                        + "; delete it to start this stage anew");
    }

    private static long sum(float[][] arrays) {
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
