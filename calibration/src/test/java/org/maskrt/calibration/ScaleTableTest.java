package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.MaskRtException;

class ScaleTableTest {
    private static final String QKV = "blocks.0.attn.qkv";

    @TempDir
    Path folder;

    private static ScaleTable table() {
        ActivationScales each = new ActivationScales(Format.INT8, "percentile:99.99", new float[] {0.1f, 1e-30f});
        ActivationScales one = new ActivationScales(Format.FP8_E4M3, "minmax", new float[] {3});
        Smoothing smoothing = new Smoothing(0.5, 1e-4, new float[] {1, 2.5f});
        return new ScaleTable(
                new Provenance("DiT", "abc", "1.0", Map.of("seed", "7")),
                new double[] {0, 500, 1000},
                Map.of(QKV, new LinearScales(each, new float[] {1, 2}, smoothing, new float[] {0, -1e-3f}, "why")),
                Map.of("blocks.0.attn.softmax", one),
                Map.of("blocks.1.mlp.fc2", "too much drift"));
    }

    @Test
    void aTableIsReadAsItWasWritten() throws IOException {
        Path file = folder.resolve("scales.json");
        table().write(file);
        ScaleTable read = ScaleTable.read(file);
        Path again = folder.resolve("again.json");
        read.write(again);
        assertEquals(Files.readString(file), Files.readString(again));
        assertEquals(table().provenance(), read.provenance());
        assertEquals(table().kept(), read.kept());
        assertArrayEquals(table().timestepEdges(), read.timestepEdges());
        LinearScales l = read.linears().get(QKV);
        assertEquals(Format.INT8, l.input().format());
        assertEquals("percentile:99.99", l.input().clipping());
        assertArrayEquals(new float[] {0.1f, 1e-30f}, l.input().scales());
        assertArrayEquals(new float[] {1, 2}, l.weightScales());
        assertEquals(0.5, l.smoothing().alpha());
        assertArrayEquals(new float[] {1, 2.5f}, l.smoothing().factors());
        assertArrayEquals(new float[] {0, -1e-3f}, l.biasCorrection());
        assertEquals("why", l.reason());
        assertArrayEquals(
                new float[] {3}, read.tensors().get("blocks.0.attn.softmax").scales());
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names =
                    files.map(f -> f.getFileName().toString()).sorted().toList();
            assertEquals(List.of("again.json", "scales.json"), names);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"why\"|\"why\", \"raeson\" : 1|the key 'linears > blocks.0.attn.qkv > raeson' is unknown; correct its spelling or remove it",
                "\"linears\"|\"keep\" : 1, \"linears\"|the key 'keep' is unknown; correct its spelling or remove it",
                "\"kept\"|\"keep\"|kept: Missing creator property 'kept'; correct it, or make the file again",
                "1.0E-30|0|linears > blocks.0.attn.qkv > input: activation: scales must be positive and finite, got [0.1, 0.0];"
                        + " correct it, or make the file again",
                "1.0E-30|1e99|linears > blocks.0.attn.qkv > input: activation: scales must be positive and finite, got [0.1,"
                        + " Infinity]; correct it, or make the file again",
                "percentile:99.99|best|linears > blocks.0.attn.qkv > input: clipping method: expected minmax, percentile:P (as"
                        + " percentile:99.99), entropy or ms...; correct it, or make the file again",
                "0.0, 500.0, 1000.0|0.0, 9.0, 99.0, 1000.0|blocks.0.attn.qkv: scales must be one, or one for each of the 3 groups of"
                        + " timesteps, got 2; correct it, or make the file again",
                "blocks.1.mlp.fc2|blocks.0.attn.qkv|blocks.0.attn.qkv: precision must be given once, got in linears and in kept;"
                        + " correct it, or make the file again",
                "\"version\" : 1|\"version\" : 2|expected a maskrt_scale_table of version 1, received 'maskrt_scale_table of version"
                        + " 2'; name another file, or make it again with this program",
                "maskrt_scale_table|other|expected a maskrt_scale_table of version 1, received 'other of version 1'; name another"
                        + " file, or make it again with this program"
            })
    void anythingElseIsRefused(String from, String to, String message) throws IOException {
        Path file = folder.resolve("scales.json");
        table().write(file);
        String text = Files.readString(file);
        String changed = text.replace(from, to);
        assertEquals(true, !changed.equals(text), from + " is not in " + text);
        Files.writeString(file, changed);
        MaskRtException e = assertThrows(MaskRtException.class, () -> ScaleTable.read(file));
        assertEquals(file + ": " + message, e.getMessage());
    }

    @Test
    void lengthsMustFit() {
        ActivationScales one = new ActivationScales(Format.INT8, "mse", new float[] {3});
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> new LinearScales(one, new float[] {1, 2}, Smoothing.none(), new float[1], ""));
        assertEquals("linear: bias_correction must be empty or as long as weight_scales (2), got 1", e.getMessage());
        MaskRtException none =
                assertThrows(MaskRtException.class, () -> new ActivationScales(Format.INT8, "mse", new float[0]));
        assertEquals("activation: scales must be one or more, got none", none.getMessage());
    }
}
