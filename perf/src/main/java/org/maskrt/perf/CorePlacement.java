package org.maskrt.perf;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How far apart the cores are on which two threads of this process run. The host may move the cores of a virtual machine between shared and separate
 * caches within minutes, which changes step times by up to a half; samples taken in different placements must not be mixed.
 */
public final class CorePlacement {
    /** Round trips of one measurement. */
    private static final int ROUNDS = 20_000;
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

    /** The mean of many round trips of one cache line between two threads, in nanoseconds. */
    public static double roundTripNanos() {
        AtomicInteger ball = new AtomicInteger();
        Thread other = new Thread(
                () -> {
                    for (int i = 1; i < 2 * ROUNDS; i += 2) {
                        while (ball.get() != i) {
                            Thread.onSpinWait();
                        }
                        ball.set(i + 1);
                    }
                },
                "ping-pong");
        other.setDaemon(true);
        other.start();
        long started = System.nanoTime();
        for (int i = 0; i < 2 * ROUNDS; i += 2) {
            ball.set(i + 1);
            while (ball.get() != i + 2) {
                Thread.onSpinWait();
            }
        }
        return (double) (System.nanoTime() - started) / ROUNDS;
    }

    /** The placement at this moment. */
    public static Tag now() {
        return of(roundTripNanos());
    }

    static Tag of(double roundTripNanos) {
        return roundTripNanos < FAR_NANOS ? Tag.NEAR : Tag.FAR;
    }
}
