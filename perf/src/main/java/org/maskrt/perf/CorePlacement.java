package org.maskrt.perf;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How far apart the cores are on which two threads of this process run. The host may move the cores of a virtual machine between shared and separate
 * caches within minutes, which changes step times by up to a half; samples taken in different placements must not be mixed.
 */
public final class CorePlacement {
    /** Measurements of which the fastest counts: others may have been disturbed. */
    private static final int BLOCKS = 64;
    /** Round trips of each. */
    private static final int ROUNDS = 200;
    /** After this no further one begins: the threads wait for each other where the cores are taken. */
    private static final long PATIENCE_NANOS = 50_000_000;
    /** Between the 50 ns of a shared cache and the 330 ns of separate ones. */
    private static final double FAR_NANOS = 150;

    /** What the cores share. */
    public enum Tag {
        /** A cache. */
        NEAR,
        /** Memory only, or the threads did not run at once. */
        FAR
    }

    private CorePlacement() {}

    /**
     * A round trip of one cache line between two threads, in nanoseconds: the mean of many, measured several times, of which the fastest is taken.
     * Infinite where there is one core only.
     */
    public static double roundTripNanos() {
        if (Runtime.getRuntime().availableProcessors() < 2) {
            return Double.POSITIVE_INFINITY;
        }
        AtomicInteger ball = new AtomicInteger();
        int last = 2 * ROUNDS * BLOCKS;
        Thread other = new Thread(
                () -> {
                    for (int i = 1; i < last; i += 2) {
                        for (int now = ball.get(); now != i; now = ball.get()) {
                            if (now > last) {
                                return;
                            }
                            Thread.onSpinWait();
                        }
                        ball.set(i + 1);
                    }
                },
                "ping-pong");
        other.setDaemon(true);
        other.start();
        double best = Double.POSITIVE_INFINITY;
        long started = System.nanoTime();
        long until = started + PATIENCE_NANOS;
        for (int i = 0; i < last; i += 2) {
            ball.set(i + 1);
            while (ball.get() != i + 2) {
                Thread.onSpinWait();
            }
            if ((i + 2) % (2 * ROUNDS) == 0) {
                long now = System.nanoTime();
                best = Math.min(best, (double) (now - started) / ROUNDS);
                started = now;
                if (now > until) {
                    break;
                }
            }
        }
        ball.set(last + 1);
        return best;
    }

    /** The placement at this moment. */
    public static Tag now() {
        return of(roundTripNanos());
    }

    static Tag of(double roundTripNanos) {
        return roundTripNanos < FAR_NANOS ? Tag.NEAR : Tag.FAR;
    }
}
