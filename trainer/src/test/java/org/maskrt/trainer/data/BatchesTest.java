package org.maskrt.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchesTest {
    /** Pictures of 2 x 2 pixels whose values are the index and the place. */
    record Numbered(long count, LongFunction<Sample> pictures) implements ImageSource {
        static Numbered of(long count) {
            return new Numbered(count, index -> {
                float[] chw = new float[12];
                for (int i = 0; i < 12; i++) {
                    chw[i] = index * 100 + i;
                }
                return new Sample(chw, (int) (index % 3));
            });
        }

        @Override
        public int size() {
            return 2;
        }

        @Override
        public int numClasses() {
            return 3;
        }

        @Override
        public List<String> labels() {
            return List.of("a", "b", "c");
        }

        @Override
        public Sample get(long index) {
            return pictures.apply(index);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 10, 17, 64, 1000, 4097})
    void eachEpochHoldsEveryPictureOnceInAnotherOrder(int count) {
        BatchOrder order = new BatchOrder(count, 1, 5);
        long[][] epochs = new long[2][count];
        for (int step = 0; step < 2 * count; step++) {
            assertEquals(step / count, order.epoch(step, 0));
            epochs[step / count][step % count] = order.index(step, 0);
        }
        for (long[] epoch : epochs) {
            long[] sorted = epoch.clone();
            Arrays.sort(sorted);
            for (int i = 0; i < count; i++) {
                assertEquals(i, sorted[i], "count " + count);
            }
        }
        if (count >= 10) {
            assertFalse(Arrays.equals(epochs[0], epochs[1]), "both epochs of " + count + " are in the same order");
        }
    }

    @Test
    void orderLooksRandom() {
        int count = 5000;
        BatchOrder order = new BatchOrder(count, 1, 11);
        double sum = 0;
        int mirrored = 0;
        for (int i = 0; i < count; i++) {
            sum += (order.index(i, 0) - (count - 1) / 2.0) * (i - (count - 1) / 2.0);
            mirrored += order.mirrored(i, 0) ? 1 : 0;
        }
        double correlation = sum / (count * ((double) count * count - 1) / 12);
        assertTrue(Math.abs(correlation) < 0.05, "correlation of place and index " + correlation);
        assertTrue(Math.abs(mirrored - count / 2) < 150, mirrored + " of " + count + " are mirrored");
        Set<Long> firsts = new HashSet<>();
        for (long seed = 0; seed < 100; seed++) {
            firsts.add(new BatchOrder(1L << 50, 4, seed).index(3, 2));
        }
        assertEquals(100, firsts.size(), "first pictures of 100 seeds");
    }

    @Test
    void resumedRunGetsTheSameBatches() {
        ImageSource source = Numbered.of(10);
        BatchOrder order = new BatchOrder(10, 4, 3);
        Batches batches = new Batches(source, order, true);
        try (ReadAhead<Batch> whole = new ReadAhead<>(batches::at, 0);
                ReadAhead<Batch> resumed = new ReadAhead<>(batches::at, 5)) {
            for (int step = 0; step < 12; step++) {
                Batch batch = whole.next();
                assertEquals(step, batch.step());
                assertEqual(batches.at(step), batch);
                if (step >= 5) {
                    assertEqual(batch, resumed.next());
                }
            }
        }
    }

    private static void assertEqual(Batch expected, Batch got) {
        assertEquals(expected.step(), got.step());
        assertArrayEquals(expected.labels(), got.labels(), "labels of step " + expected.step());
        assertArrayEquals(expected.values(), got.values(), "values of step " + expected.step());
    }

    @Test
    void mirroringSwapsLeftAndRight() {
        ImageSource source = Numbered.of(10);
        BatchOrder order = new BatchOrder(10, 10, 3);
        Batch plain = new Batches(source, order, false).at(0);
        Batch mirrored = new Batches(source, order, true).at(0);
        boolean[] seen = new boolean[2];
        for (int row = 0; row < 10; row++) {
            int first = order.mirrored(0, row) ? 1 : 0;
            seen[first] = true;
            for (int i = 0; i < 12; i++) {
                assertEquals(
                        plain.values()[row * 12 + (i ^ first)],
                        mirrored.values()[row * 12 + i],
                        "row " + row + " value " + i);
            }
        }
        assertTrue(seen[0] && seen[1], "both kinds occur");
        assertArrayEquals(plain.labels(), mirrored.labels());
    }

    @Test
    void errorsOfTheSourceReachTheConsumer() {
        IllegalStateException fault = new IllegalStateException("no picture 7");
        ImageSource numbered = Numbered.of(10);
        ImageSource source = new Numbered(10, index -> {
            if (index == 7) {
                throw fault;
            }
            return numbered.get(index);
        });
        BatchOrder order = new BatchOrder(10, 2, 3);
        try (ReadAhead<Batch> batches = new ReadAhead<>(new Batches(source, order, false)::at, 0)) {
            assertSame(fault, assertThrows(IllegalStateException.class, () -> {
                for (int i = 0; i < 5; i++) {
                    batches.next();
                }
            }));
            assertNotEquals(0, batches.next().step(), "goes on after the fault");
        }
    }

    @Test
    void closingEndsTheThreads() throws InterruptedException {
        ReadAhead<Long> ahead = new ReadAhead<>(step -> step, 0);
        ahead.close();
        ahead.close();
        assertEquals(
                "read-ahead: closed; open it anew at the step that is wanted",
                assertThrows(IllegalStateException.class, ahead::next).getMessage());
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("maskrt-read-ahead")) {
                // an executor is terminated a moment before its threads are
                thread.join(5000);
                assertFalse(thread.isAlive());
            }
        }
    }

    @Test
    void onlyTimeThatWasWaitedCounts() throws InterruptedException {
        CountDownLatch slow = new CountDownLatch(1);
        CountDownLatch read = new CountDownLatch(1);
        try (ReadAhead<Long> ahead = new ReadAhead<>(
                step -> {
                    try {
                        if (step == 1) {
                            assertTrue(slow.await(10, TimeUnit.SECONDS));
                        }
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                    read.countDown();
                    return step;
                },
                0)) {
            assertTrue(read.await(10, TimeUnit.SECONDS));
            assertEquals(0, ahead.next());
            long before = ahead.waitedNanos();
            Thread late = new Thread(() -> {
                LockSupport.parkNanos(100_000_000);
                slow.countDown();
            });
            late.start();
            assertEquals(1, ahead.next());
            late.join();
            long waited = ahead.waitedNanos() - before;
            assertTrue(waited > 50_000_000, "waited " + waited + " ns for a step that took 100 ms");
            assertTrue(before < 50_000_000, "waited " + before + " ns for a step that was there");
        }
    }

    @Test
    void refusesAnOrderOverOtherPictures() {
        assertEquals(
                "batches: expected an order over the 10 pictures of the source, got one over 9",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new Batches(Numbered.of(10), new BatchOrder(9, 2, 3), false))
                        .getMessage());
        assertEquals(
                "batch order: expected 1 <= count <= 2^60 and batchSize >= 1, got count 0 and batchSize 2; change the data"
                        + " settings",
                assertThrows(IllegalArgumentException.class, () -> new BatchOrder(0, 2, 3))
                        .getMessage());
    }
}
