package org.maskrt.runtime.trt;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * A native object that is freed once, after everything that was made from it: closing a runtime closes its engines, their contexts, and
 * the graphs captured on them, the youngest first.
 *
 * @param <T> the object
 */
public final class NativeHandle<T> implements AutoCloseable {
    /** Below, an address is what TensorRT returns instead of an error. */
    private static final long FIRST_ADDRESS = 4096;

    private final String name;
    private final T object;
    private final Consumer<? super T> free;
    private final @Nullable NativeHandle<?> maker;
    private final Object lock;
    private final Deque<NativeHandle<?>> made = new ArrayDeque<>();
    private boolean closed;

    private NativeHandle(String name, T object, Consumer<? super T> free, @Nullable NativeHandle<?> maker) {
        this.name = name;
        this.object = object;
        this.free = free;
        this.maker = maker;
        this.lock = maker == null ? new Object() : maker.lock;
    }

    /**
     * Takes over {@code object}.
     *
     * @param name for messages
     * @param free frees it; called once
     * @param maker what it was made from and must not outlive; null if nothing
     */
    public static <T> NativeHandle<T> of(
            String name, T object, Consumer<? super T> free, @Nullable NativeHandle<?> maker) {
        NativeHandle<T> handle = new NativeHandle<>(name, object, free, maker);
        if (maker != null) {
            synchronized (maker.lock) {
                maker.requireOpen();
                maker.made.push(handle);
            }
        }
        return handle;
    }

    /**
     * Takes over what a function of TensorRT returned.
     *
     * @param name for messages
     * @param returned null or a nonsensical address if the function failed
     * @param constructor the default constructor of its class, which knows how the class is freed
     * @param maker what it was made from and must not outlive; null if nothing
     * @throws MaskRtException if the function failed
     */
    public static <P extends Pointer> NativeHandle<P> ofTensorRt(
            String name, @Nullable P returned, Supplier<P> constructor, @Nullable NativeHandle<?> maker) {
        if (returned == null || returned.address() < FIRST_ADDRESS) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    "TensorRT: expected " + name + ", got none; its messages say why (MASKRT_LOG_LEVEL=debug)");
        }
        JavaCpp.Deleter deleter = JavaCpp.deleter(constructor.get());
        return of(name, returned, deleter::free, maker);
    }

    /**
     * The object.
     *
     * @throws MaskRtException if it is closed
     */
    public T get() {
        synchronized (lock) {
            requireOpen();
            return object;
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new MaskRtException(ExitCode.FAILURE, name + " is closed; open it again");
        }
    }

    /** Frees what was made from the object, then the object; closing again does nothing. */
    @Override
    public void close() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            while (!made.isEmpty()) {
                made.pop().close();
            }
            if (maker != null) {
                maker.made.remove(this);
            }
            free.accept(object);
        }
    }
}
