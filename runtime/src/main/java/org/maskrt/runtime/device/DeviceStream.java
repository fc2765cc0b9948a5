package org.maskrt.runtime.device;

/**
 * Work in order. Uploads and downloads return when the host's array may be used again, and a download waits for all work before it; everything
 * else returns at once.
 */
public interface DeviceStream extends AutoCloseable {
    /** {@code values[from .. from + count)} to the start of {@code to}. */
    void upload(Region to, float[] values, int from, int count);

    /** All values to the start of {@code to}. */
    default void upload(Region to, float[] values) {
        upload(to, values, 0, values.length);
    }

    /** All values to the start of {@code to}. */
    void upload(Region to, long[] values);

    /** {@code count} values from the start of {@code from} into {@code into[to ..]}. */
    void download(Region from, float[] into, int to, int count);

    /** All of {@code into} from the start of {@code from}. */
    default void download(Region from, float[] into) {
        download(from, into, 0, into.length);
    }

    /** All of {@code into} from the start of {@code from}. */
    void download(Region from, long[] into);

    /** {@code from} to the start of {@code to}, on the device. */
    void copy(Region to, Region from);

    /**
     * Records the work that {@code work} gives this stream instead of doing it. It must neither allocate nor copy from or to the host nor wait, and
     * every engine in it must have run once with the same shapes.
     */
    CapturedGraph capture(Runnable work);

    DeviceEvent event();

    /** Waits until all work is done. */
    void synchronize();

    /** Waits until all work is done, then frees the stream; closing again does nothing. */
    @Override
    void close();
}
