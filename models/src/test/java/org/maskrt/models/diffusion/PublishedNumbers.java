package org.maskrt.models.diffusion;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The tensors of a case in {@code src/test/resources/reference}, float64 ones in full. */
final class PublishedNumbers {
    private final String name;
    private final ByteBuffer data;
    private final JsonNode header;

    private PublishedNumbers(String name, JsonNode header, ByteBuffer data) {
        this.name = name;
        this.header = header;
        this.data = data;
    }

    static PublishedNumbers read(String name) throws IOException {
        try (InputStream in = PublishedNumbers.class.getResourceAsStream("/reference/" + name + "/io.safetensors")) {
            ByteBuffer file = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
            byte[] json = new byte[(int) file.getLong()];
            file.get(json);
            return new PublishedNumbers(
                    name, new ObjectMapper().readTree(json), file.slice().order(ByteOrder.LITTLE_ENDIAN));
        }
    }

    private ByteBuffer bytes(String key, String dtype) {
        JsonNode tensor = header.path(key);
        if (!tensor.path("dtype").asText().equals(dtype)) {
            throw new IllegalStateException(name + ": expected a tensor " + key + " of " + dtype + ", got " + tensor);
        }
        int from = tensor.path("data_offsets").get(0).asInt();
        int to = tensor.path("data_offsets").get(1).asInt();
        return data.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN);
    }

    float[] floats(String key) {
        ByteBuffer b = bytes(key, "F32");
        float[] values = new float[b.remaining() / Float.BYTES];
        b.asFloatBuffer().get(values);
        return values;
    }

    double[] doubles(String key) {
        ByteBuffer b = bytes(key, "F64");
        double[] values = new double[b.remaining() / Double.BYTES];
        b.asDoubleBuffer().get(values);
        return values;
    }

    int[] ints(String key) {
        ByteBuffer b = bytes(key, "I64");
        int[] values = new int[b.remaining() / Long.BYTES];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.toIntExact(b.getLong());
        }
        return values;
    }
}
