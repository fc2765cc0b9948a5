package org.maskrt.models.weights;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/** A file mapped read-only in windows, because one buffer ends at 2 GiB. */
final class MappedFile implements AutoCloseable {
    /** Takes the next bytes of a read, little-endian, whole elements only. */
    @FunctionalInterface
    interface Sink {
        void accept(ByteBuffer part);
    }

    private static final long WINDOW = 1L << 30;

    /** Windows overlap by this much, so an element that begins in one is whole in it. */
    private static final int OVERLAP = 8;

    private final Path path;
    private final FileChannel channel;
    private final long size;
    private final List<MappedByteBuffer> windows = new ArrayList<>();
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private MappedFile(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        this.size = channel.size();
    }

    static MappedFile open(Path path) throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
        try {
            MappedFile file = new MappedFile(path, channel);
            file.map();
            return file;
        } catch (IOException | RuntimeException | Error e) {
            channel.close();
            throw e;
        }
    }

    private void map() throws IOException {
        for (long from = 0; from < size; from += WINDOW) {
            long length = Math.min(WINDOW + OVERLAP, size - from);
            windows.add(channel.map(FileChannel.MapMode.READ_ONLY, from, length));
        }
    }

    Path path() {
        return path;
    }

    long size() {
        return size;
    }

    /** Hands {@code count} elements from the byte {@code from} on to the sink, in as many parts as there are windows. */
    void read(long from, int count, int elementBytes, Sink sink) {
        lockMapped();
        try {
            long at = from;
            long left = count;
            while (left > 0) {
                long inWindow = at % WINDOW;
                long fit = Math.min(left, (WINDOW - inWindow + elementBytes - 1) / elementBytes);
                ByteBuffer part = windows.get((int) (at / WINDOW)).slice((int) inWindow, (int) fit * elementBytes);
                sink.accept(part.order(ByteOrder.LITTLE_ENDIAN));
                at += fit * elementBytes;
                left -= fit;
            }
        } finally {
            lock.readLock().unlock();
        }
    }

    /** {@code bytes} from {@code from} on as they are mapped, or null where no window holds all of them. */
    @Nullable
    ByteBuffer view(long from, int bytes) {
        lockMapped();
        try {
            ByteBuffer window = windows.get((int) (from / WINDOW));
            int inWindow = (int) (from % WINDOW);
            return bytes > window.capacity() - inWindow ? null : window.slice(inWindow, bytes);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Holds the lock for reading, with the file mapped. */
    private void lockMapped() {
        lock.readLock().lock();
        while (windows.isEmpty() && size > 0) {
            lock.readLock().unlock();
            remap();
            lock.readLock().lock();
        }
    }

    private void remap() {
        lock.writeLock().lock();
        try {
            if (!channel.isOpen()) {
                throw new IllegalStateException(path + " was closed");
            }
            if (windows.isEmpty()) {
                map();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be mapped into memory again", e);
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Gives the memory back, views included; the next read maps the file again. */
    void release() {
        lock.writeLock().lock();
        try {
            unmap(windows);
            windows.clear();
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            unmap(windows);
            windows.clear();
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be closed", e);
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** There is no public call for this before JDK 22; where this one is gone, the garbage collector unmaps. */
    private static void unmap(List<MappedByteBuffer> buffers) {
        try {
            Class<?> type = Class.forName("sun.misc.Unsafe");
            Field field = type.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            Object unsafe = field.get(null);
            var cleaner = type.getMethod("invokeCleaner", ByteBuffer.class);
            for (MappedByteBuffer buffer : buffers) {
                cleaner.invoke(unsafe, buffer);
            }
        } catch (ReflectiveOperationException e) {
            System.getLogger(MappedFile.class.getName())
                    .log(System.Logger.Level.DEBUG, "mapped files are released by the garbage collector", e);
        }
    }
}
