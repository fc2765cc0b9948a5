package org.maskrt.calibration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import org.maskrt.models.image.NpyArray;
import org.maskrt.models.image.NpzFile;

/** What numpy found: see tests/record/clipping.py. */
final class Recorded {
    private static final Path FOLDER = folder();

    private Recorded() {}

    private static Path folder() {
        try {
            return Path.of(Recorded.class.getResource("/clipping").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static JsonNode expected() {
        try {
            return JsonMapper.builder()
                    .build()
                    .readTree(FOLDER.resolve("expected.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static float[] values(String name) {
        try (NpzFile file = NpzFile.open(FOLDER.resolve("values.npz"));
                NpyArray array = file.array(name)) {
            int count = 1;
            for (long d : array.shape()) {
                count *= Math.toIntExact(d);
            }
            float[] values = new float[count];
            array.read(values, 0, count);
            return values;
        }
    }
}
