package org.maskrt.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class NoiseScheduleTest {
    private static final NoiseSchedule LINEAR = NoiseSchedule.linear();

    @ParameterizedTest
    @CsvSource({
        "ddim_dit_10_eta0.0,10",
        "ddim_dit_10_eta0.7,10",
        "ddim_dit_ddim25_eta0.0,ddim25",
        "ddim_mdtv1_10_eta0.0,10",
        "ddim_mdtv1_ddim25_eta0.0,ddim25",
        "ddim_mdtv2_10_eta0.7,10",
        "ddim_mdtv2_ddim25_eta0.0,ddim25"
    })
    void respacesAsPublished(String name, String steps) throws IOException {
        PublishedNumbers published = PublishedNumbers.read(name);
        NoiseSchedule schedule = LINEAR.respace(steps);
        assertArrayEquals(published.ints("timesteps"), schedule.timesteps(), name + ": timesteps");
        assertArrayEquals(published.doubles("betas"), schedule.betas(), 1e-15, name + ": betas");
        assertArrayEquals(
                published.doubles("alphas_cumprod"), schedule.alphasCumprod(), 1e-15, name + ": alphas_cumprod");
        assertEquals(1000, schedule.trainTimesteps());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ddpm_dit_10", "ddpm_mdtv1_10", "ddpm_mdtv2_10"})
    void takesTheTimestepsOfAncestralSampling(String name) throws IOException {
        assertArrayEquals(
                PublishedNumbers.read(name).ints("timesteps"),
                LINEAR.respace(10).timesteps(),
                name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"losses_dit", "losses_mdtv1", "losses_mdtv2"})
    void diffusesAsPublished(String name) throws IOException {
        PublishedNumbers published = PublishedNumbers.read(name);
        int[] t = published.ints("t");
        float[] x0 = published.floats("x0");
        float[] noise = published.floats("noise");
        float[] actual = new float[x0.length];
        for (int i = 0; i < x0.length; i++) {
            double alphaBar = LINEAR.alphaCumprod(t[i / (x0.length / t.length)]);
            actual[i] = (float) (Math.sqrt(alphaBar) * x0[i] + Math.sqrt(1 - alphaBar) * noise[i]);
        }
        assertArrayEquals(published.floats("x_t"), actual, 1e-6f, name + ": x_t");
    }

    @Test
    void linearBetas() {
        assertEquals(1e-4, LINEAR.beta(0));
        assertEquals(2e-2, LINEAR.beta(999));
        assertEquals((1e-4 + 2e-2) / 2, (LINEAR.beta(499) + LINEAR.beta(500)) / 2, 1e-17);
        assertEquals(4.035829765375676e-05, LINEAR.alphaCumprod(999), 1e-17);
        assertEquals(0.3, NoiseSchedule.linear(1, 0.3, 0.4).beta(0));
    }

    @Test
    void cosineBetas() {
        NoiseSchedule cosine = NoiseSchedule.cosine(1000);
        assertEquals(4.128422482196914e-05, cosine.beta(0), 1e-16);
        assertEquals(4.614175273665033e-05, cosine.beta(1), 1e-16);
        assertEquals(0.003155691441585007, cosine.beta(500), 1e-16);
        assertEquals(0.7499993929011166, cosine.beta(998), 1e-13);
        assertEquals(0.999, cosine.beta(999));
    }

    @Test
    void everySectionHasItsOwnStride() {
        assertArrayEquals(
                new int[] {
                    0, 11, 22, 33, 44, 55, 66, 77, 88, 99, 100, 107, 114, 121, 128, 135, 142, 149, 157, 164, 171, 178,
                    185, 192, 199, 200, 205, 210, 216, 221, 226, 231, 236, 242, 247, 252, 257, 263, 268, 273, 278, 283,
                    289, 294, 299
                },
                NoiseSchedule.linear(300, 1e-4, 2e-2).respace("10,15,20").timesteps());
        assertArrayEquals(
                new int[] {0, 166, 333, 500, 666, 832, 999}, LINEAR.respace(7).timesteps());
        assertArrayEquals(
                new int[] {0, 2, 3, 7, 9},
                NoiseSchedule.linear(10, 1e-4, 2e-2).respace("3,0,2").timesteps());
        assertArrayEquals(new int[] {0}, LINEAR.respace("1").timesteps());
    }

    @Test
    void everyStepKeptIsTheSameSchedule() {
        NoiseSchedule all = LINEAR.respace("1000");
        assertArrayEquals(IntStream.range(0, 1000).toArray(), all.timesteps());
        assertArrayEquals(LINEAR.alphasCumprod(), all.alphasCumprod(), 1e-15);
        assertArrayEquals(LINEAR.betas(), all.betas(), 1e-14);
    }

    @Test
    void respacingTwiceKeepsTheTimestepsOfTheModel() {
        NoiseSchedule twice = LINEAR.respace("ddim100").respace("ddim10");
        assertArrayEquals(LINEAR.respace("ddim10").timesteps(), twice.timesteps());
        assertArrayEquals(LINEAR.respace("ddim10").alphasCumprod(), twice.alphasCumprod(), 1e-15);
        assertEquals(1000, twice.trainTimesteps());
    }

    /** q(x_{t-1} | x_0) = integral of q(x_{t-1} | x_t, x_0) q(x_t | x_0): means and variances on both sides. */
    @ParameterizedTest
    @ValueSource(strings = {"1000", "250", "ddim50", "3"})
    void posteriorAndMarginalAgree(String steps) {
        for (NoiseSchedule base : new NoiseSchedule[] {LINEAR, NoiseSchedule.cosine(1000)}) {
            NoiseSchedule s = base.respace(steps);
            for (int i = 0; i < s.steps(); i++) {
                double from = s.alphaCumprod(i);
                double to = s.alphaCumprod(i - 1);
                assertEquals(
                        Math.sqrt(to),
                        s.posteriorMeanX0(i) + s.posteriorMeanXt(i) * Math.sqrt(from),
                        1e-12,
                        "mean " + i);
                assertEquals(
                        1 - to,
                        s.posteriorMeanXt(i) * s.posteriorMeanXt(i) * (1 - from) + s.posteriorVariance(i),
                        1e-12,
                        "variance " + i);
            }
            assertEquals(0, s.posteriorVariance(0));
            assertEquals(Math.log(s.posteriorVariance(1)), s.posteriorLogVariance(0));
            assertEquals(Math.log(s.posteriorVariance(2)), s.posteriorLogVariance(2));
        }
        NoiseSchedule one = LINEAR.respace(1);
        assertEquals(Math.log(one.beta(0)), one.posteriorLogVariance(0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    0|steps '0': at least one step is needed, got none; use a count from 1 to 1000
                    0,0|steps '0,0': at least one step is needed, got none; use a count from 1 to 1000
                    1001|steps '1001': section 1 of 1 has 1000 timesteps, got a count of 1001; use at most 1000
                    10,501|steps '10,501': section 2 of 2 has 500 timesteps, got a count of 501; use at most 500
                    ddim60|steps 'ddim60': no whole stride keeps exactly 60 of 1000 timesteps; use ddim59 or ddim63 or '60' for even spacing
                    ddim0|steps 'ddim0': no whole stride keeps exactly 0 of 1000 timesteps; use ddim2
                    ddim2000|steps 'ddim2000': no whole stride keeps exactly 2000 of 1000 timesteps; use ddim1000
                    ddim|steps 'ddim': expected a count such as 250, counts such as 10,15,20, or ddim50; got ''
                    ten|steps 'ten': expected a count such as 250, counts such as 10,15,20, or ddim50; got 'ten'
                    10,,20|steps '10,,20': expected a count such as 250, counts such as 10,15,20, or ddim50; got ''
                    -5|steps '-5': expected a count such as 250, counts such as 10,15,20, or ddim50; got '-5'
                    99999999999|steps '99999999999': expected a count such as 250, counts such as 10,15,20, or ddim50; got '99999999999'
                    """)
    void refusesWhatCannotBe(String steps, String message) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> LINEAR.respace(steps));
        assertEquals(message, e.getMessage());
        assertEquals(ExitCode.USAGE, e.code());
    }

    @Test
    void refusesBadBetas() {
        assertEquals(
                "noise schedule: beta 1 must lie between 0 and 1, got 1.5; check beta_start and beta_end",
                assertThrows(MaskRtException.class, () -> NoiseSchedule.linear(2, 0.1, 1.5))
                        .getMessage());
        assertEquals(
                "noise schedule: beta 0 must lie between 0 and 1, got NaN; check beta_start and beta_end",
                assertThrows(MaskRtException.class, () -> NoiseSchedule.of(new double[] {Double.NaN}))
                        .getMessage());
        assertEquals(
                "noise schedule: at least one timestep is needed, got 0; check num_train_timesteps (1000 in the published models)",
                assertThrows(MaskRtException.class, () -> NoiseSchedule.cosine(0))
                        .getMessage());
    }
}
