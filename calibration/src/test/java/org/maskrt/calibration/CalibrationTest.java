package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.NoiseSchedule;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.WeightCheck;

class CalibrationTest {
    private static final long SEED = 5;
    private static final int STEPS = 4;
    private static final Denoiser MODEL = new Dit(new DitConfig(4, 2, 3, 8, 2, 2, 2, 5, true));

    @TempDir
    Path folder;

    private static Params<Tensor> params() {
        Random random = new Random(SEED);
        Map<String, Tensor> weights = new LinkedHashMap<>();
        WeightCheck.wanted(MODEL).forEach((path, shape) -> {
            Tensor t = Tensor.zeros(shape.dims());
            for (int i = 0; i < t.size(); i++) {
                t.values()[i] = (float) (0.3 * random.nextGaussian());
            }
            weights.put(path, t);
        });
        return Params.of((path, shape) -> weights.get(path));
    }

    /** The reference interpreter. */
    private static Network network() {
        Params<Tensor> params = params();
        return new Network() {
            @Override
            public Tensor run(Rows rows, Probe<float[]> probe) {
                RangeOps<Tensor> ops = new RangeOps<>(
                        new ReferenceOps(),
                        (path, x, channels) -> probe.see(path, x.values(), channels),
                        RangeOps.Scope.LINEARS);
                return MODEL.forward(ops, params, rows.sample(), rows.timestep(), rows.condition());
            }

            @Override
            public void close() {}
        };
    }

    private static Calibration calibration(int pictures) {
        Trajectories trajectories = new Trajectories(
                MODEL,
                NoiseSchedule.linear().respace(STEPS),
                new Trajectories.Guided(new Guidance.Constant(2), GuidedChannels.ALL));
        List<Trajectories.Picture> all = new ArrayList<>();
        for (int i = 0; i < pictures; i++) {
            all.add(new Trajectories.Picture(SEED + i, Tensor.ofIndices(new long[] {i % 5}, 1), null));
        }
        return new Calibration(trajectories, all, QuantisedPaths.LINEARS, new Observations(trajectories.bins(2), 4));
    }

    @Test
    void everyPictureAndStepIsRecorded() {
        List<Integer> seen = new ArrayList<>();
        Observations o = calibration(3).run(network(), folder.resolve("state"), "a", (done, total) -> {
            assertEquals(3 * STEPS, total);
            seen.add(done);
        });
        assertEquals(3 * STEPS + 1, seen.size());
        assertEquals(3 * STEPS, seen.get(seen.size() - 1));
        assertEquals(8, o.paths().size());
        // rows: 3 pictures of 2 conditions with 4 tokens, half of the steps in each bin
        for (int bin = 0; bin < 2; bin++) {
            Statistics s = o.at("blocks.1.mlp.fc2", bin);
            assertNotNull(s);
            assertEquals(3 * 2 * 4 * STEPS / 2, s.rows());
        }
    }

    /** Wherever it ends, it goes on to the same bytes. */
    @Test
    void itGoesOnAfterTheLastWholePicture() throws IOException {
        Path whole = folder.resolve("whole");
        calibration(3).run(network(), whole, "a", (done, total) -> {});
        Path parted = folder.resolve("parted");
        for (int end : new int[] {2, STEPS + 1, 2 * STEPS}) {
            assertNull(calibration(3).finished(parted, "a"));
            IllegalStateException stop = new IllegalStateException();
            assertEquals(
                    stop,
                    assertThrows(
                            IllegalStateException.class,
                            () -> calibration(3).run(network(), parted, "a", (done, total) -> {
                                if (done == end) {
                                    throw stop;
                                }
                            })));
        }
        calibration(3).run(network(), parted, "a", (done, total) -> {});
        assertArrayEquals(Files.readAllBytes(whole), Files.readAllBytes(parted));
        assertNotNull(calibration(3).finished(parted, "a"));
    }
}
