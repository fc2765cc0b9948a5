package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OrtEnvironment;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** ONNX Runtime's telemetry cannot be switched off from within a Java process, so it must not be there (decision 5). */
class NothingCallsHomeTest {
    private static final String FOLDER = "/ai/onnxruntime/native/";

    @Test
    void theNativeLibrariesKnowNoCollector() throws IOException {
        int found = 0;
        for (String library : List.of(
                "linux-x64/libonnxruntime.so", "linux-aarch64/libonnxruntime.so", "osx-aarch64/libonnxruntime.dylib")) {
            try (InputStream in = OrtEnvironment.class.getResourceAsStream(FOLDER + library)) {
                if (in == null) {
                    continue;
                }
                found++;
                // one char a byte: a search in binary data
                String bytes = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
                assertTrue(bytes.contains("OrtGetApiBase"), library + " is not what this test takes it for");
                assertFalse(bytes.contains("OneCollector"), library + " holds a telemetry collector's address");
            }
        }
        assertTrue(found > 0, "no native library of ONNX Runtime on the class path under " + FOLDER);
        assertNotNull(OrtEnvironment.getEnvironment());
    }
}
