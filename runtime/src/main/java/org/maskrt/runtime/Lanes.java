package org.maskrt.runtime;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.device.Engine;

/** A few lanes for any number of threads: who waits longest gets the next that is free. */
final class Lanes implements AutoCloseable {
    private final int count;
    private final Supplier<Lane> make;
    private final Semaphore free;
    private final Deque<Lane> idle = new ArrayDeque<>();
    private final List<Lane> all = new ArrayList<>();

    Lanes(int count, Supplier<Lane> make) {
        this.count = count;
        this.make = make;
        this.free = new Semaphore(count, true);
    }

    /** A lane of one's own, until it is closed. */
    final class Lease implements AutoCloseable {
        private final Lane lane;

        private Lease(Lane lane) {
            this.lane = lane;
        }

        Lane lane() {
            return lane;
        }

        @Override
        public void close() {
            synchronized (idle) {
                idle.push(lane);
            }
            free.release();
        }
    }

    /**
     * Waits for a lane.
     *
     * @throws MaskRtException (INTERRUPTED) if the thread is interrupted
     */
    Lease take() {
        acquire(1);
        try {
            synchronized (idle) {
                Lane lane = idle.poll();
                if (lane == null) {
                    lane = make.get();
                    all.add(lane);
                }
                return new Lease(lane);
            }
        } catch (RuntimeException e) {
            free.release();
            throw e;
        }
    }

    private void acquire(int permits) {
        try {
            free.acquire(permits);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MaskRtException(
                    ExitCode.INTERRUPTED, "interrupted while waiting for the device; start the generation again", e);
        }
    }

    /** Waits for runs under way, then frees what belongs to an engine that is about to be closed. */
    void forget(Engine engine) {
        free.acquireUninterruptibly(count);
        try {
            all.forEach(lane -> lane.forget(engine));
        } finally {
            free.release(count);
        }
    }

    @Override
    public void close() {
        free.acquireUninterruptibly(count);
        try {
            all.forEach(Lane::close);
            all.clear();
            idle.clear();
        } finally {
            free.release(count);
        }
    }
}
