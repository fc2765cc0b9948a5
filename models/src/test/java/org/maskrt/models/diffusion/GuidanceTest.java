package org.maskrt.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class GuidanceTest {
    private static final double EXACT = 1e-15;

    @Test
    void weights() {
        assertEquals(1, Guidance.none().weight(500));
        assertEquals(4, new Guidance.Constant(4).weight(999));
        Guidance linear = new Guidance.Linear(3, 1000);
        assertEquals(3, linear.weight(0), EXACT);
        assertEquals(2, linear.weight(500), EXACT);
        assertEquals(1.002, linear.weight(999), EXACT);
        Guidance published = new Guidance.PowerCosine(3.8, 4, 1000);
        assertEquals(3.8, published.weight(0), EXACT);
        assertEquals(2.8 * (1 - Math.cos(Math.PI * 0.0625)) / 2 + 1, published.weight(500), EXACT);
        assertEquals(1, published.weight(999), 1e-11);
        Guidance paper = new Guidance.PaperPowerCosine(3.8, 4, 1000);
        assertEquals(3.8, paper.weight(0), EXACT);
        assertEquals(3.8 * (1 - Math.cos(Math.PI * 0.0625)) / 2, paper.weight(500), EXACT);
        assertEquals(0, paper.weight(999), 1e-11);
    }

    @Test
    void theWeightRisesWithTheDenoising() {
        for (Guidance g : List.of(
                new Guidance.Linear(4, 1000),
                new Guidance.PowerCosine(4, 0.01, 1000),
                new Guidance.PowerCosine(4, 4, 1000),
                new Guidance.PaperPowerCosine(4, 2, 1000))) {
            for (int t = 1; t < 1000; t++) {
                assertTrue(g.weight(t - 1) >= g.weight(t), g + " at " + t);
            }
        }
    }

    @Test
    void intervalIncludesItsEnds() {
        Guidance g = new Guidance.Interval(new Guidance.Constant(4), 200, 700);
        assertArrayEquals(
                new double[] {1, 4, 4, 4, 1},
                new double[] {g.weight(199), g.weight(200), g.weight(450), g.weight(700), g.weight(701)});
    }

    @Test
    void refusals() {
        refuses(
                "guidance constant: the scale must be a finite number, got NaN; 1 is no guidance, 4 is a usual strength",
                () -> new Guidance.Constant(Double.NaN));
        refuses(
                "guidance linear: the number of training timesteps must be at least 1, got 0; take it from the noise schedule",
                () -> new Guidance.Linear(4, 0));
        refuses(
                "guidance power-cosine: the power must be above 0, got 0.0; 4 is the published value",
                () -> new Guidance.PowerCosine(4, 0, 1000));
        refuses(
                "guidance power-cosine: the power must be above 0, got -1.0; 4 is the published value",
                () -> new Guidance.PaperPowerCosine(4, -1, 1000));
        refuses(
                "guidance interval: the low timestep must not exceed the high one, got 700 and 200; swap them",
                () -> new Guidance.Interval(Guidance.none(), 700, 200));
        refuses(
                "guidance tolerance: expected a number from 0 to below 0.5, got 0.5; 0 skips nothing that has an influence",
                () -> GuidancePlan.of(Guidance.none(), new int[] {1}, 0.5, false));
    }

    private static void refuses(String message, Executable executable) {
        MaskRtException e = assertThrows(MaskRtException.class, executable);
        assertEquals(message, e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }

    @Test
    void withoutToleranceOnlyExactWeightsAreSkipped() {
        int[] timesteps = {999, 800, 500, 100};
        GuidancePlan almost = GuidancePlan.of(new Guidance.PowerCosine(4, 4, 1000), timesteps, 0, false);
        assertEquals(7, almost.rows(), "at 999 the weight is 1 to the last bit, at 800 it is not");
        assertTrue(almost.unconditional(1));
        GuidancePlan interval =
                GuidancePlan.of(new Guidance.Interval(new Guidance.Constant(4), 200, 700), timesteps, 0, false);
        assertEquals(5, interval.rows());
        assertFalse(interval.unconditional(0));
        assertTrue(interval.conditional(0));
        assertTrue(interval.unconditional(2));
        assertEquals(4, GuidancePlan.of(Guidance.none(), timesteps, 0, true).rows());
    }

    @Test
    void toleranceSkipsAndSnaps() {
        int[] timesteps = {999, 800, 500, 100};
        GuidancePlan published = GuidancePlan.of(new Guidance.PowerCosine(4, 4, 1000), timesteps, 1e-3, false);
        assertEquals(1, published.weight(0));
        assertEquals(1, published.weight(1));
        assertFalse(published.unconditional(1));
        assertTrue(published.unconditional(2));
        assertEquals(6, published.rows());

        GuidancePlan paper = GuidancePlan.of(new Guidance.PaperPowerCosine(4, 4, 1000), timesteps, 1e-3, false);
        assertEquals(0, paper.weight(0));
        assertFalse(paper.conditional(0));
        assertTrue(paper.unconditional(0));
        assertEquals(6, paper.rows());

        GuidancePlan readElsewhere = GuidancePlan.of(new Guidance.PaperPowerCosine(4, 4, 1000), timesteps, 1e-3, true);
        assertTrue(readElsewhere.conditional(0));
        assertTrue(readElsewhere.weight(1) > 0, "nothing is skipped, so nothing is rounded");
        assertEquals(4, readElsewhere.steps());
        assertEquals(8, readElsewhere.rows());
    }

    @Test
    void combinesTheGuidedChannels() {
        // Two images, an output of 2 x 4 channels, one pixel.
        float[] conditional = new float[16];
        float[] unconditional = new float[16];
        for (int i = 0; i < 16; i++) {
            conditional[i] = i;
            unconditional[i] = i - 1;
        }
        float[] weights = {3, 0};
        GuidedChannels.OutputChannels channels = new GuidedChannels.OutputChannels(4, 8);
        float[] out = new float[16];
        GuidedChannels.REFERENCE.combine(conditional, unconditional, weights, channels, out);
        assertArrayEquals(new float[] {2, 3, 4, 3, 4, 5, 6, 7, 7, 8, 9, 11, 12, 13, 14, 15}, out);
        GuidedChannels.ALL.combine(conditional, unconditional, weights, channels, out);
        assertArrayEquals(new float[] {2, 3, 4, 5, 4, 5, 6, 7, 7, 8, 9, 10, 12, 13, 14, 15}, out);
        GuidedChannels.ALL.combine(conditional, unconditional, weights, channels, unconditional);
        assertArrayEquals(out, unconditional);
        assertEquals(1, GuidedChannels.REFERENCE.count(1));
    }

    @Test
    void combineRefusesLengths() {
        assertEquals(
                "guidance of 2 images needs both halves and the result as [2,8,H,W], got lengths 16, 8 and 16",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> GuidedChannels.ALL.combine(
                                        new float[16],
                                        new float[8],
                                        new float[2],
                                        new GuidedChannels.OutputChannels(4, 8),
                                        new float[16]))
                        .getMessage());
    }
}
