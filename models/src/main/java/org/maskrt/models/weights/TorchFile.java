package org.maskrt.models.weights;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Pickle.StorageRecord;
import org.maskrt.models.weights.Pickle.TensorRecord;

/**
 * A checkpoint of {@code torch.save}: a zip of a pickle, which says what there is, and of the raw values. Nothing in it is executed; a name in the
 * pickle that weights do not need, a compressed or missing entry, or a tensor that does not fit its storage is refused.
 *
 * <p>Tensors are read from the file one at a time.
 */
public final class TorchFile implements AutoCloseable {
    private static final long MAX_PICKLE = 64L << 20;
    private static final int BUFFER = 1 << 16;
    private static final int ZIP = 0x04034b50;
    private static final Map<String, DType> TYPES = Map.of(
            "FloatStorage", DType.F32,
            "HalfStorage", DType.F16,
            "BFloat16Storage", DType.BF16,
            "DoubleStorage", DType.F64,
            "LongStorage", DType.I64);

    private final Path path;
    private final ZipFile zip;
    private final Map<String, ZipEntry> storages;
    private final Map<String, Map<String, Place>> parts;

    private TorchFile(Path path, ZipFile zip, Map<String, ZipEntry> storages, Map<String, Map<String, Place>> parts) {
        this.path = path;
        this.zip = zip;
        this.storages = storages;
        this.parts = parts;
    }

    /** Where a tensor lies. */
    private record Place(String storage, long offset, Shape shape, DType dtype) {}

    /**
     * Opens a checkpoint and checks all that its pickle says against the file.
     *
     * @throws MaskRtException (FAILURE) with one line if it cannot be read, is no such checkpoint, or is refused
     */
    public static TorchFile open(Path path) {
        requireZip(path);
        ZipFile zip = null;
        try {
            zip = new ZipFile(path.toFile());
            return open(path, zip);
        } catch (ZipException e) {
            close(zip);
            throw refuse(path, "a broken zip archive (" + e.getMessage() + "); copy or download it again", e);
        } catch (IOException e) {
            close(zip);
            throw refuse(path, "a file that cannot be read (" + AtomicFiles.reason(e) + ")", e);
        } catch (Pickle.Refused e) {
            close(zip);
            throw refuse(path, e.getMessage() + "; save the state_dict alone", e);
        } catch (RuntimeException e) {
            close(zip);
            throw e;
        }
    }

    private static void requireZip(Path path) {
        byte[] head = new byte[265];
        int length;
        try (InputStream in = Files.newInputStream(path)) {
            length = in.readNBytes(head, 0, head.length);
        } catch (IOException e) {
            throw refuse(path, "a file that cannot be read (" + AtomicFiles.reason(e) + "); check the path", e);
        }
        if (length >= 4 && ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getInt() == ZIP) {
            return;
        }
        String again = "; load it with PyTorch and torch.save it again";
        if (length > 2 && (head[0] & 0xff) == 0x80 && head[1] >= 2 && head[1] <= 5) {
            throw refuse(path, "the format of PyTorch before 1.6, a bare pickle" + again, null);
        }
        if (length >= 262 && new String(head, 257, 5, java.nio.charset.StandardCharsets.US_ASCII).equals("ustar")) {
            throw refuse(path, "the format of PyTorch before 0.1.10, a tar archive" + again, null);
        }
        throw refuse(
                path, "another kind of file of " + length + (length == head.length ? " or more" : "") + " bytes", null);
    }

    private static TorchFile open(Path path, ZipFile zip) throws IOException, Pickle.Refused {
        Map<String, ZipEntry> entries = new HashMap<>();
        ZipEntry pickle = null;
        String root = "";
        for (ZipEntry entry : Collections.list(zip.entries())) {
            String name = entry.getName();
            if (name.startsWith("/") || List.of(name.split("[/\\\\]", -1)).contains("..")) {
                throw new Pickle.Refused("an entry that leads out of the archive, " + Text.quote(name));
            }
            if (entry.getMethod() != ZipEntry.STORED) {
                throw new Pickle.Refused(
                        "a compressed entry, " + Text.quote(name) + ", which torch.save does not write");
            }
            if (entries.put(name, entry) != null) {
                throw new Pickle.Refused("two entries of the name " + Text.quote(name));
            }
            if (name.endsWith("/data.pkl") && name.indexOf('/') == name.length() - "/data.pkl".length()) {
                if (pickle != null) {
                    throw new Pickle.Refused("two pickles");
                }
                pickle = entry;
                root = name.substring(0, name.length() - "data.pkl".length());
            }
        }
        if (pickle == null) {
            throw new Pickle.Refused("a zip archive without data.pkl");
        }
        if (entries.containsKey(root + "constants.pkl")) {
            throw new Pickle.Refused("a TorchScript program, which holds code");
        }
        ZipEntry order = entries.get(root + "byteorder");
        if (order != null
                && !new String(bytes(zip, order, 16), java.nio.charset.StandardCharsets.US_ASCII).equals("little")) {
            throw new Pickle.Refused("values in another byte order than little-endian");
        }
        Object saved = Pickle.read(bytes(zip, pickle, MAX_PICKLE));
        Map<String, ZipEntry> storages = new HashMap<>();
        Map<String, Map<String, Place>> parts = new LinkedHashMap<>();
        Reader reader = new Reader(entries, root + "data/", storages);
        if (saved instanceof Map<?, ?> map) {
            reader.part("", map, parts);
            for (Map.Entry<?, ?> e : map.entrySet()) {
                if (e.getValue() instanceof Map<?, ?> inner) {
                    reader.part(String.valueOf(e.getKey()), inner, parts);
                }
            }
        }
        if (parts.isEmpty()) {
            throw new Pickle.Refused("no dictionary of tensors");
        }
        return new TorchFile(path, zip, storages, parts);
    }

    /** @param folder of the storages' entries */
    private record Reader(Map<String, ZipEntry> entries, String folder, Map<String, ZipEntry> storages) {
        /** Takes {@code map} as a part if it holds tensors by name. */
        void part(String name, Map<?, ?> map, Map<String, Map<String, Place>> parts) throws Pickle.Refused {
            Map<String, Place> tensors = new LinkedHashMap<>();
            for (Map.Entry<?, ?> e : map.entrySet()) {
                if (e.getKey() instanceof String key && e.getValue() instanceof TensorRecord tensor) {
                    Place place = place(key, tensor);
                    if (place != null) {
                        tensors.put(key, place);
                    }
                }
            }
            if (!tensors.isEmpty()) {
                parts.put(name, tensors);
            }
        }

        private @Nullable Place place(String key, TensorRecord tensor) throws Pickle.Refused {
            StorageRecord storage = tensor.storage();
            DType dtype = TYPES.get(storage.type());
            if (dtype == null) {
                // masks and counters of other types are no weights
                return null;
            }
            String where = "the tensor " + Text.quote(key);
            ZipEntry entry = entries.get(folder + storage.key());
            if (entry == null || !storage.key().matches("\\d{1,9}")) {
                throw new Pickle.Refused(where + " in a storage that is not there, " + Text.quote(storage.key()));
            }
            if (storage.elements() < 0
                    || storage.elements() > entry.getSize() / dtype.bytes()
                    || storage.elements() * dtype.bytes() != entry.getSize()) {
                throw new Pickle.Refused(where + " in a storage of " + storage.elements() + " " + dtype
                        + " values, which has " + entry.getSize() + " bytes");
            }
            long size = 1;
            int[] dims = new int[tensor.dims().length];
            for (int i = dims.length - 1; i >= 0; i--) {
                long dim = tensor.dims()[i];
                if (dim < 1 || dim > Integer.MAX_VALUE || size > Integer.MAX_VALUE / dim) {
                    throw new Pickle.Refused(where + " of an impossible size");
                }
                if (dim > 1 && tensor.strides()[i] != size) {
                    throw new Pickle.Refused(where + " not in row-major order; save it contiguous");
                }
                dims[i] = (int) dim;
                size *= dim;
            }
            if (tensor.offset() < 0 || tensor.offset() > storage.elements() - size) {
                throw new Pickle.Refused(where + " beyond the end of its storage");
            }
            storages.put(storage.key(), entry);
            return new Place(storage.key(), tensor.offset(), Shape.of(dims), dtype);
        }
    }

    private static byte[] bytes(ZipFile zip, ZipEntry entry, long most) throws IOException, Pickle.Refused {
        if (entry.getSize() > most) {
            throw new Pickle.Refused("an entry " + Text.quote(entry.getName()) + " of " + entry.getSize()
                    + " bytes, at most " + most + " are expected");
        }
        try (InputStream in = zip.getInputStream(entry)) {
            return in.readNBytes((int) most);
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** The dictionaries of tensors in it: {@code ""} for the outermost, else the name under which it lies there, such as {@code ema}. */
    public Set<String> parts() {
        return Collections.unmodifiableSet(parts.keySet());
    }

    /**
     * The tensors of a part.
     *
     * @throws MaskRtException (USAGE) if there is none of that name
     */
    public Weights part(String name) {
        Map<String, Place> tensors = parts.get(name);
        if (tensors == null) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    path + ": expected a part " + Text.quote(name) + " with tensors, found " + parts.keySet()
                            + "; name one of them");
        }
        return new Part(this, tensors);
    }

    private record Part(TorchFile file, Map<String, Place> tensors) implements Weights {
        @Override
        public String origin() {
            return file.path.toString();
        }

        @Override
        public Set<String> keys() {
            return Collections.unmodifiableSet(tensors.keySet());
        }

        @Override
        public Shape shape(String key) {
            return place(key).shape;
        }

        @Override
        public DType dtype(String key) {
            return place(key).dtype;
        }

        private Place place(String key) {
            Place place = tensors.get(key);
            if (place == null) {
                throw new IllegalArgumentException(origin() + " has no tensor '" + key + "'");
            }
            return place;
        }

        @Override
        public Tensor tensor(String key) {
            Place place = place(key);
            int size = place.shape.size();
            if (place.dtype.isIndices()) {
                long[] indices = new long[size];
                file.stream(
                        place,
                        0,
                        size,
                        (chunk, from, count) -> chunk.asLongBuffer().get(indices, from, count));
                return Tensor.ofIndices(indices, place.shape.dims());
            }
            float[] values = new float[size];
            read(key, 0, values, size);
            return Tensor.of(values, place.shape);
        }

        @Override
        public void read(String key, int from, float[] target, int count) {
            Place place = place(key);
            file.stream(place, from, count, (chunk, at, n) -> place.dtype.decode(chunk, target, at, n));
        }
    }

    /** Takes {@code count} elements, which go to index {@code from} on. */
    private interface Sink {
        void take(ByteBuffer chunk, int from, int count);
    }

    private void stream(Place place, int from, int count, Sink sink) {
        int width = place.dtype.bytes();
        ByteBuffer chunk = ByteBuffer.allocate(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
        try (InputStream in = zip.getInputStream(storages.get(place.storage))) {
            in.skipNBytes((place.offset + from) * width);
            for (int done = 0; done < count; ) {
                int n = Math.min(count - done, BUFFER / width);
                if (in.readNBytes(chunk.array(), 0, n * width) < n * width) {
                    throw new EOFException("it ends early");
                }
                chunk.clear().limit(n * width);
                sink.take(chunk, done, n);
                done += n;
            }
        } catch (IOException e) {
            throw refuse(path, "a file that cannot be read to its end (" + AtomicFiles.reason(e) + ")", e);
        } catch (IllegalStateException e) {
            throw new IllegalStateException(path + " is closed", e);
        }
    }

    private static MaskRtException refuse(Path path, String found, @Nullable Exception cause) {
        String message = path + ": expected a checkpoint of torch.save, found " + found;
        return cause == null
                ? new MaskRtException(ExitCode.FAILURE, message)
                : new MaskRtException(ExitCode.FAILURE, message, cause);
    }

    private static void close(@Nullable ZipFile zip) {
        if (zip != null) {
            try {
                zip.close();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    /** Closes the file; the weights of its parts cannot be read afterwards. */
    @Override
    public void close() {
        close(zip);
    }
}
