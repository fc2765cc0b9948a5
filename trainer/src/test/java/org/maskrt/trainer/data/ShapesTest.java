package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ShapesTest {
    private static final int SIZE = 64;

    @Test
    void pictureDependsOnSeedAndIndexAlone() {
        Shapes shapes = new Shapes(SIZE, 7, 1000);
        List<Sample> inOrder = IntStream.range(0, 200).mapToObj(shapes::get).toList();
        Shapes again = new Shapes(SIZE, 7, 5000);
        List<Sample> parallel =
                IntStream.range(0, 200).parallel().mapToObj(again::get).toList();
        for (int i = 0; i < 200; i++) {
            assertEquals(i % 10, inOrder.get(i).label());
            assertArrayEquals(inOrder.get(i).chw(), parallel.get(i).chw(), "picture " + i);
        }
        assertFalse(Arrays.equals(
                shapes.get(0).chw(), new Shapes(SIZE, 8, 1000).get(0).chw()));
    }

    @Test
    void valuesFillTheRange() {
        Shapes shapes = new Shapes(SIZE, 1, 500);
        float low = 0;
        float high = 0;
        for (int i = 0; i < 500; i++) {
            float[] chw = shapes.get(i).chw();
            assertEquals(3 * SIZE * SIZE, chw.length);
            for (float v : chw) {
                low = Math.min(low, v);
                high = Math.max(high, v);
            }
        }
        assertTrue(low >= -1 && low < -0.95 && high <= 1 && high > 0.95, "range " + low + " to " + high);
    }

    /** Ink is told from paper by the corner's colour; the radial profile of the ink does not change under a tilt. */
    @Test
    void classesHaveDistinctSilhouettes() {
        Shapes shapes = new Shapes(SIZE, 3, 1500);
        int bins = 12;
        double[][] profile = new double[10][bins];
        for (int i = 0; i < 1500; i++) {
            Sample sample = shapes.get(i);
            addProfile(sample.chw(), profile[sample.label()]);
        }
        for (int a = 0; a < 10; a++) {
            for (int b = a + 1; b < 10; b++) {
                double distance = 0;
                for (int k = 0; k < bins; k++) {
                    distance = Math.max(distance, Math.abs(profile[a][k] - profile[b][k]) / 150);
                }
                assertTrue(
                        distance > 0.04,
                        shapes.labels().get(a) + " and " + shapes.labels().get(b) + " differ by " + distance);
            }
        }
    }

    private static void addProfile(float[] chw, double[] profile) {
        int plane = SIZE * SIZE;
        double[] ink = new double[profile.length];
        int[] pixels = new int[profile.length];
        for (int at = 0; at < plane; at++) {
            double x = at % SIZE - SIZE / 2.0 + 0.5;
            double y = Math.floorDiv(at, SIZE) - SIZE / 2.0 + 0.5;
            int bin = (int) (Math.sqrt(x * x + y * y) / (SIZE / 2.0) * profile.length);
            if (bin < profile.length) {
                double far = 0;
                for (int c = 0; c < 3; c++) {
                    far = Math.max(far, Math.abs(chw[c * plane + at] - chw[c * plane]));
                }
                pixels[bin]++;
                ink[bin] += far > 0.6 ? 1 : 0;
            }
        }
        for (int k = 0; k < profile.length; k++) {
            profile[k] += ink[k] / pixels[k];
        }
    }

    @Test
    void refusesWhatItCannotDraw() {
        assertEquals(
                "Shapes: expected size >= 8 and count >= 1, got size 4 and count 10; change the data settings",
                assertThrows(IllegalArgumentException.class, () -> new Shapes(4, 1, 10))
                        .getMessage());
        assertThrows(IndexOutOfBoundsException.class, () -> new Shapes(SIZE, 1, 10).get(10));
    }
}
