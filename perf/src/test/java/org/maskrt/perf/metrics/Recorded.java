package org.maskrt.perf.metrics;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.maskrt.models.image.NpyArray;
import org.maskrt.models.image.NpzFile;
import org.maskrt.models.ops.Tensor;

/** What {@code tests/record/metrics.py} recorded. */
final class Recorded {
    private static final Path FOLDER = Path.of("src/test/resources/metrics");

    private Recorded() {}

    static Path file(String name) {
        return FOLDER.resolve(name);
    }

    /** A number of {@code expected.json} by its path, such as {@code /features/fid}. */
    static double number(String path) throws IOException {
        JsonNode node = json(path);
        if (!node.isNumber()) {
            throw new IllegalArgumentException(path + " is not a recorded number but " + node);
        }
        return node.asDouble();
    }

    /** Rows of numbers of {@code expected.json}. */
    static Tensor rows(String path) throws IOException {
        JsonNode rows = json(path);
        int width = rows.get(0).size();
        float[] values = new float[rows.size() * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) rows.get(i / width).get(i % width).asDouble();
        }
        return Tensor.of(values, rows.size(), width);
    }

    private static JsonNode json(String path) throws IOException {
        return new ObjectMapper().readTree(file("expected.json").toFile()).at(path);
    }

    static Tensor tensor(String archive, String name) {
        try (NpzFile npz = NpzFile.open(file(archive));
                NpyArray array = npz.array(name)) {
            int[] dims = IntStream.range(0, array.shape().length)
                    .map(i -> (int) array.shape()[i])
                    .toArray();
            float[] values = new float[IntStream.of(dims).reduce(1, (a, b) -> a * b)];
            array.read(values, 0, values.length);
            return Tensor.of(values, dims);
        }
    }
}
