package org.maskrt.exporter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.maskrt.models.Denoiser;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.mdt.Mdt;
import org.maskrt.models.mdt.MdtConfig;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;

/** A recorded case of a published model: its sizes, weights, inputs and outputs. */
record ReferenceCase(String name, Denoiser model, Weights weights, Weights io) {
    /** Copies the case out of the class path into {@code folder}, because weights are mapped files. */
    static ReferenceCase open(String name, Path folder) throws IOException {
        for (String file : new String[] {"case.json", "weights.safetensors", "io.safetensors"}) {
            try (InputStream in = ReferenceCase.class.getResourceAsStream("/reference/" + name + "/" + file)) {
                if (in == null) {
                    throw new IOException("the test resource reference/" + name + "/" + file + " is missing");
                }
                Files.copy(in, folder.resolve(file));
            }
        }
        JsonNode json = new ObjectMapper().readTree(folder.resolve("case.json").toFile());
        JsonNode c = json.get("config");
        String family = json.get("family").asText();
        Denoiser model = family.equals("dit")
                ? new Dit(new DitConfig(
                        c.get("input_size").asInt(),
                        c.get("patch_size").asInt(),
                        c.get("in_channels").asInt(),
                        c.get("hidden_size").asInt(),
                        c.get("depth").asInt(),
                        c.get("num_heads").asInt(),
                        4,
                        c.get("num_classes").asInt(),
                        c.get("learn_sigma").asBoolean()))
                : new Mdt(new MdtConfig(
                        family.equals("mdt-v1") ? 1 : 2,
                        c.get("input_size").asInt(),
                        c.get("patch_size").asInt(),
                        c.get("in_channels").asInt(),
                        c.get("hidden_size").asInt(),
                        c.get("depth").asInt(),
                        c.get("num_heads").asInt(),
                        4,
                        c.get("num_classes").asInt(),
                        c.get("decode_layer").asInt(),
                        c.get("mask_ratio").asDouble(),
                        c.get("learn_sigma").asBoolean()));
        return new ReferenceCase(
                name,
                model,
                SafeTensors.open(folder.resolve("weights.safetensors")),
                SafeTensors.open(folder.resolve("io.safetensors")));
    }

    Tensor get(String tensor) {
        return io.tensor(tensor);
    }

    /** An input that may be recorded as fp32 or int64, as fp32. */
    Tensor floats(String tensor) {
        Tensor t = io.tensor(tensor);
        if (!t.isIndices()) {
            return t;
        }
        float[] values = new float[t.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = t.indices()[i];
        }
        return Tensor.of(values, t.shape());
    }
}
