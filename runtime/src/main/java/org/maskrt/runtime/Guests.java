package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.device.Engine;

/** Engines that are not resident: one at a time is loaded, and stays until another is needed or the memory is. */
final class Guests implements AutoCloseable {
    private final ReentrantLock lock = new ReentrantLock(true);
    private @Nullable Path name;
    private @Nullable Engine present;

    /** Runs {@code work} on the engine of the graph {@code folder}, which no one else uses or frees meanwhile. */
    void use(Path folder, Supplier<Engine> load, Consumer<Engine> work) {
        lock.lock();
        try {
            Engine engine = present;
            if (engine == null || !folder.equals(name)) {
                close();
                engine = load.get();
                present = engine;
                name = folder;
            }
            work.accept(engine);
        } finally {
            lock.unlock();
        }
    }

    /** Frees the one that is here. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (present != null) {
                present.close();
                present = null;
                name = null;
            }
        } finally {
            lock.unlock();
        }
    }
}
