package org.maskrt.trainer.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.maskrt.models.image.RgbImage;

class LossPlotTest {
    private static final int BLUE = 0x1f6fb4;

    private static MetricsCsv.Table table(int rows, DoubleUnaryOperator loss) {
        List<double[]> values = new ArrayList<>();
        for (int i = 1; i <= rows; i++) {
            values.add(new double[] {i, loss.applyAsDouble((double) i / rows)});
        }
        return new MetricsCsv.Table(List.of("step", "loss"), values);
    }

    /** The mean row, from the top, of the smooth line near column {@code x}; NaN where there is none. */
    private static double lineAt(RgbImage image, int x) {
        double sum = 0;
        int n = 0;
        for (int y = 120; y < image.height(); y++) {
            for (int dx = -3; dx <= 3; dx++) {
                int at = (y * image.width() + x + dx) * 3;
                byte[] rgb = image.pixels();
                if (((rgb[at] & 255) << 16 | (rgb[at + 1] & 255) << 8 | (rgb[at + 2] & 255)) == BLUE) {
                    sum += y;
                    n++;
                }
            }
        }
        return n == 0 ? Double.NaN : sum / n;
    }

    @Test
    void lineFallsWithTheLoss() {
        RgbImage image = LossPlot.draw("a run", table(1000, x -> 5 - 3 * x), List.of("loss"));
        double early = lineAt(image, 250);
        double middle = lineAt(image, 500);
        double late = lineAt(image, 750);
        assertTrue(early + 80 < middle && middle + 80 < late, "rows " + early + ", " + middle + ", " + late);
        assertEquals(0, (early + late) / 2 - middle, 2, "a straight line stays straight");
    }

    @Test
    void valuesThatAreNotFiniteLeaveTheRestDrawn() {
        RgbImage image = LossPlot.draw(
                "a run",
                table(1000, x -> x > 0.5 ? Double.NaN : x > 0.4 ? Double.POSITIVE_INFINITY : 1),
                List.of("loss"));
        assertEquals(lineAt(image, 200), lineAt(image, 400), 1);
        LossPlot.draw("nothing yet", table(0, x -> x), List.of("loss"));
        LossPlot.draw("long ".repeat(100), table(1, x -> x * 1e-9), List.of("loss"));
        LossPlot.draw("one row", table(1, x -> x), List.of("loss"));
        LossPlot.draw("nothing finite", table(9, x -> Double.NaN), List.of("loss"));
    }

    @Test
    void wideRangesAreDrawnByTheirLogarithm() {
        RgbImage image = LossPlot.draw("a run", table(4000, x -> Math.pow(10, 2 - 4 * x)), List.of("loss"));
        assertEquals(0, (lineAt(image, 300) + lineAt(image, 700)) / 2 - lineAt(image, 500), 2);
    }

    @Test
    void ticksAreRoundNumbers() {
        assertEquals(List.of(0.0, 2.0, 4.0, 6.0, 8.0, 10.0), LossPlot.ticks(0, 10));
        assertEquals(
                List.of("0.2", "0.25", "0.3", "0.35"),
                LossPlot.ticks(0.19, 0.37).stream().map(LossPlot::label).toList());
        assertEquals("0", LossPlot.label(0));
        assertEquals("20000", LossPlot.label(20000));
        assertEquals("1.00e-05", LossPlot.label(1e-5));
    }

    @Test
    void refusesMoreColumnsThanColours() {
        assertEquals(
                "loss plot: expected 1 to 5 columns, got 0: []",
                assertThrows(IllegalArgumentException.class, () -> LossPlot.draw("", table(2, x -> x), List.of()))
                        .getMessage());
    }
}
