package org.maskrt.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class ObservationsTest {
    private static final int CHANNELS = 6;
    private static final int SEED = 61;
    private static final TimestepBins BINS = TimestepBins.even(0, 1000, 4);

    @TempDir
    Path folder;

    private static float[][] batches() {
        Random random = new Random(SEED);
        float[][] batches = new float[12][50 * CHANNELS];
        for (int b = 0; b < batches.length; b++) {
            double size = Math.pow(3, random.nextInt(-9, 9));
            for (int i = 0; i < batches[b].length; i++) {
                batches[b][i] = (float) (size * random.nextGaussian());
            }
        }
        return batches;
    }

    private static Observations observe(float[][] batches, int from, int to) {
        Observations o = new Observations(BINS, 8);
        for (int b = from; b < to; b++) {
            o.add("blocks." + b % 2 + ".mlp.fc1", b % 3, batches[b], CHANNELS);
        }
        return o;
    }

    @Test
    void aHistogramDependsOnTheValuesAlone() {
        float[][] batches = batches();
        Histogram forwards = new Histogram();
        Histogram backwards = new Histogram();
        Histogram merged = Histogram.of(batches[3]);
        double max = 0;
        for (int b = 0; b < batches.length; b++) {
            forwards.add(batches[b]);
            backwards.add(batches[batches.length - 1 - b]);
            if (b != 3) {
                merged.merge(Histogram.of(batches[b]));
            }
            for (float v : batches[b]) {
                max = Math.max(max, Math.abs(v));
            }
        }
        assertArrayEquals(forwards.counts(), backwards.counts(), "seed " + SEED);
        assertArrayEquals(forwards.counts(), merged.counts(), "seed " + SEED);
        assertEquals(max, forwards.max());
        assertEquals(12 * 50 * CHANNELS, forwards.total());
        assertTrue(max / forwards.width() < Histogram.BINS && max / forwards.width() >= Histogram.BINS / 2);
        long[] direct = new long[Histogram.BINS];
        for (float[] batch : batches) {
            for (float v : batch) {
                direct[(int) (Math.abs((double) v) / forwards.width())]++;
            }
        }
        assertArrayEquals(direct, forwards.counts(), "seed " + SEED);
    }

    @Test
    void statisticsAreThoseOfAllValues() {
        float[][] batches = batches();
        Statistics s = new Statistics(CHANNELS, 4);
        float[] channelMax = new float[CHANNELS];
        double[] sum = new double[CHANNELS];
        float min = 0;
        float max = 0;
        for (float[] batch : batches) {
            s.add("x", batch);
            for (int i = 0; i < batch.length; i++) {
                channelMax[i % CHANNELS] = Math.max(channelMax[i % CHANNELS], Math.abs(batch[i]));
                sum[i % CHANNELS] += batch[i];
                min = Math.min(min, batch[i]);
                max = Math.max(max, batch[i]);
            }
        }
        assertEquals(min, s.min());
        assertEquals(max, s.max());
        assertEquals(600, s.rows());
        assertArrayEquals(channelMax, s.channelMax());
        double[] mean = Arrays.stream(sum).map(v -> v / 600).toArray();
        assertArrayEquals(mean, s.channelMean(), 1e-9);
        assertEquals(4, s.sample().length);
        for (float[] row : s.sample()) {
            boolean seen = Arrays.stream(batches).anyMatch(batch -> holds(batch, row));
            assertTrue(seen, "a sampled row was never seen: " + Arrays.toString(row));
        }
        assertThrows(IllegalArgumentException.class, () -> s.add("x", new float[CHANNELS + 1]));
        assertThrows(IllegalArgumentException.class, () -> s.merge(new Statistics(CHANNELS + 1, 4)));
    }

    private static boolean holds(float[] batch, float[] row) {
        for (int from = 0; from < batch.length; from += CHANNELS) {
            if (Arrays.equals(row, Arrays.copyOfRange(batch, from, from + CHANNELS))) {
                return true;
            }
        }
        return false;
    }

    @Test
    void aSampleIsFairAndDependsOnTheRowsAlone() {
        int rows = 2000;
        float[] values = new float[rows];
        for (int i = 0; i < rows; i++) {
            values[i] = i;
        }
        Statistics all = new Statistics(1, 200);
        all.add("x", values);
        Statistics second = new Statistics(1, 200);
        second.add("x", Arrays.copyOfRange(values, 700, rows));
        second.add("x", Arrays.copyOfRange(values, 700, 900));
        Statistics first = new Statistics(1, 200);
        first.add("x", Arrays.copyOfRange(values, 0, 700));
        second.merge(first);
        assertArrayEquals(all.sample(), second.sample());
        double mean =
                Arrays.stream(all.sample()).mapToDouble(r -> r[0]).average().orElseThrow();
        // Four standard deviations of the mean of 200 out of 0..1999.
        assertEquals(1000, mean, 4 * 577 / Math.sqrt(200));
    }

    @Test
    void aResumedRunEqualsAWholeOne() throws IOException {
        float[][] batches = batches();
        Observations whole = observe(batches, 0, 12);
        Path file = folder.resolve("state.bin");
        new CalibrationState("model a, 12 batches", 7, observe(batches, 0, 7)).write(file);
        CalibrationState resumed = CalibrationState.read(file, "model a, 12 batches");
        assertEquals(7, resumed.done());
        for (int b = resumed.done(); b < 12; b++) {
            resumed.observations().add("blocks." + b % 2 + ".mlp.fc1", b % 3, batches[b], CHANNELS);
        }
        Path a = folder.resolve("a.bin");
        Path b = folder.resolve("b.bin");
        new CalibrationState("r", 12, whole).write(a);
        new CalibrationState("r", 12, resumed.observations()).write(b);
        assertArrayEquals(Files.readAllBytes(a), Files.readAllBytes(b), "seed " + SEED);
    }

    @Test
    void partsMergeToTheWhole() {
        float[][] batches = batches();
        Observations whole = observe(batches, 0, 12);
        Observations merged = observe(batches, 5, 12);
        merged.merge(observe(batches, 0, 5));
        assertEquals(whole.paths(), merged.paths());
        for (String path : whole.paths()) {
            Statistics w = whole.over(path, 0, 4);
            Statistics m = merged.over(path, 0, 4);
            assertArrayEquals(w.magnitudes().counts(), m.magnitudes().counts(), path);
            assertArrayEquals(w.channelMax(), m.channelMax(), path);
            assertArrayEquals(w.sample(), m.sample(), path);
            assertArrayEquals(w.channelMean(), m.channelMean(), 1e-9, path);
        }
        assertThrows(
                IllegalArgumentException.class, () -> whole.merge(new Observations(TimestepBins.even(0, 1, 2), 8)));
    }

    @Test
    void binsThatNothingReachedAreNamed() {
        Observations o = observe(batches(), 0, 12);
        MaskRtException e = assertThrows(MaskRtException.class, () -> o.over("blocks.0.mlp.fc1", 3, 4));
        assertEquals(
                "blocks.0.mlp.fc1: expected activations at timesteps 750.0 to 1000.0, none were recorded; calibrate over the"
                        + " whole schedule, or with fewer groups",
                e.getMessage());
    }

    @Test
    void aStateOfAnotherRunOrADamagedOneIsRefused() throws IOException {
        Path file = folder.resolve("state.bin");
        new CalibrationState("model a", 1, observe(batches(), 0, 2)).write(file);
        MaskRtException other = assertThrows(MaskRtException.class, () -> CalibrationState.read(file, "model b"));
        assertEquals(
                file
                        + ": expected the state of the run 'model b', received that of 'model a'; remove it to begin anew, or"
                        + " name another file",
                other.getMessage());
        assertEquals(ExitCode.USAGE, other.code());
        byte[] bytes = Files.readAllBytes(file);
        byte[] flipped = bytes.clone();
        flipped[bytes.length / 2] ^= 1;
        for (byte[] bad : new byte[][] {flipped, Arrays.copyOf(bytes, bytes.length - 9), new byte[3], new byte[0]}) {
            Files.write(file, bad);
            MaskRtException e = assertThrows(MaskRtException.class, () -> CalibrationState.read(file, "model a"));
            assertEquals(
                    file
                            + ": expected the state of a calibration, which cannot be read from it (its check sum differs);"
                            + " remove it to begin anew",
                    e.getMessage());
        }
    }

    @Test
    void timestepsFallIntoBins() {
        assertEquals(0, BINS.bin(-1));
        assertEquals(0, BINS.bin(249.9));
        assertEquals(1, BINS.bin(250));
        assertEquals(3, BINS.bin(1000));
        assertArrayEquals(new double[] {0, 250, 500, 1000}, BINS.groups(3).edges());
        assertEquals(
                "timestep bins: groups must be from 1 to the 4 bins, got 5",
                assertThrows(MaskRtException.class, () -> BINS.groups(5)).getMessage());
        assertEquals(
                "timestep bins: edges must be ascending, got [0.0, NaN]",
                assertThrows(MaskRtException.class, () -> new TimestepBins(new double[] {0, Double.NaN}))
                        .getMessage());
    }

    @Test
    void theBinsOfSomeTimestepsCanBeTakenAlone() {
        Observations all = new Observations(TimestepBins.even(0, 1000, 10), 4);
        for (int bin = 0; bin < 10; bin++) {
            all.add("a", bin, new float[] {bin, -bin}, 1);
        }
        Observations some = all.between(200, 499);
        assertArrayEquals(new double[] {200, 300, 400, 500}, some.bins().edges());
        assertEquals(4, some.over("a", 0, 3).max());
        assertEquals(2, some.over("a", 0, 1).max());
        assertEquals(9, all.over("a", 0, 10).max());
    }
}
