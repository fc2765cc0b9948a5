package org.maskrt.models.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TorchCpuRandomTest {
    /** Two units in the last place of float32 at |x| in [4, 8), where PyTorch's vector logarithm and sine differ from the exact ones. */
    private static final double TOLERANCE = 1e-6;

    /** Numbers that PyTorch drew, "n16 bits..." or "u16 bits...". */
    private static final class Draw {
        final boolean uniform;
        final float[] values;

        Draw(String line) {
            String[] words = line.split(" ", -1);
            uniform = words[1].startsWith("u");
            values = new float[words.length - 2];
            for (int i = 0; i < values.length; i++) {
                values[i] = Float.intBitsToFloat(Integer.parseUnsignedInt(words[i + 2], 16));
            }
        }

        @Override
        public String toString() {
            return (uniform ? "u" : "n") + values.length;
        }
    }

    record Run(long seed, List<Draw> draws) {
        @Override
        public String toString() {
            return "seed " + seed + ": " + draws;
        }
    }

    static Stream<Run> recorded() throws IOException {
        List<Run> runs = new ArrayList<>();
        try (InputStream in = TorchCpuRandomTest.class.getResourceAsStream("/random/torch_cpu.txt")) {
            for (String block : new String(in.readAllBytes(), StandardCharsets.US_ASCII)
                    .replaceAll("(?m)^#.*\n", "")
                    .split("\n\n", -1)) {
                String[] lines = block.strip().split("\n", -1);
                runs.add(new Run(
                        Long.parseLong(lines[0].substring(0, lines[0].indexOf(' '))),
                        Arrays.stream(lines).map(Draw::new).toList()));
            }
        }
        return runs.stream();
    }

    @ParameterizedTest
    @MethodSource("recorded")
    void drawsWhatTorchDrew(Run run) {
        TorchCpuRandom random = new TorchCpuRandom(run.seed);
        for (int k = 0; k < run.draws.size(); k++) {
            Draw draw = run.draws.get(k);
            int n = draw.values.length;
            assertArrayEquals(
                    draw.values,
                    draw.uniform ? random.rand(n) : random.randn(n),
                    draw.uniform || n < 16 ? 0f : (float) TOLERANCE,
                    run + ", draw " + k);
        }
    }

    @Test
    void onlyTheLow32BitsOfTheSeedCount() {
        assertArrayEquals(new TorchCpuRandom(3).randn(40), new TorchCpuRandom((1L << 32) + 3).randn(40));
    }

    @Test
    void wholeBlocksContinueTheStream() {
        TorchCpuRandom random = new TorchCpuRandom(5);
        float[] first = random.randn(16);
        float[] second = random.randn(16);
        float[] both = new TorchCpuRandom(5).randn(32);
        assertArrayEquals(Arrays.copyOfRange(both, 0, 16), first);
        assertArrayEquals(Arrays.copyOfRange(both, 16, 32), second);
    }

    @Test
    void nothingIsNothing() {
        assertEquals(0, new TorchCpuRandom(1).randn(0).length);
        assertTrue(new TorchCpuRandom(1).rand(1)[0] < 1);
    }
}
