package org.maskrt.models.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * Weights in a safetensors file, or in several that an index ({@code *.safetensors.index.json}) names. Files are memory-mapped, so opening
 * costs no more than their headers, and they may be larger than 2 GiB; one tensor may have up to 2^31 - 1 elements.
 *
 * <p>A file whose header does not describe exactly its bytes is refused.
 */
public final class SafeTensors implements Weights {
    private record Place(MappedFile file, DType dtype, Shape shape, long position) {}

    private static final String INDEX = ".safetensors.index.json";
    private static final int CHUNK = 1 << 20;
    private static final int KEYS_IN_MESSAGES = 5;

    private final Path path;
    private final List<MappedFile> files = new ArrayList<>();
    private final Map<String, Place> places = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafeTensors(Path path) {
        this.path = path;
    }

    /**
     * Opens a {@code .safetensors} file or a {@code .safetensors.index.json}.
     *
     * @throws MaskRtException if it cannot be read or is malformed
     */
    public static SafeTensors open(Path path) {
        SafeTensors weights = new SafeTensors(path);
        try {
            if (String.valueOf(path.getFileName()).endsWith(INDEX)) {
                weights.mapShards();
            } else {
                weights.map(path);
            }
            return weights;
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    /**
     * Opens {@code stem.safetensors} or {@code stem.safetensors.index.json} in a folder, whichever there is.
     *
     * @throws MaskRtException if there is neither, or both
     */
    public static SafeTensors open(Path folder, String stem) {
        String single = stem + ".safetensors";
        boolean isSingle = Files.exists(folder.resolve(single));
        boolean isSharded = Files.exists(folder.resolve(stem + INDEX));
        if (isSingle == isSharded) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    folder + ": expected " + single + " or " + stem + INDEX + ", found "
                            + (isSingle ? "both; remove the one that is stale" : "neither; put the weights there"));
        }
        return open(SafeFolder.inside(folder, isSingle ? single : stem + INDEX));
    }

    private void mapShards() {
        ObjectNode index = Json.readObject(path);
        if (!(index.get("weight_map") instanceof ObjectNode map)) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    path + ": expected an object 'weight_map' of keys and file names, found none; fetch it again");
        }
        Path folder = path.toAbsolutePath().resolveSibling("");
        Map<String, String> wanted = new LinkedHashMap<>();
        Map<String, Path> shards = new TreeMap<>();
        for (Map.Entry<String, JsonNode> e : map.properties()) {
            if (!e.getValue().isTextual()) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        path + ": expected a file name for " + Text.quote(e.getKey()) + ", received "
                                + Text.quote(e.getValue().toString()) + "; fetch it again");
            }
            String name = e.getValue().textValue();
            wanted.put(e.getKey(), name);
            shards.computeIfAbsent(name, n -> SafeFolder.inside(folder, n));
        }
        for (Map.Entry<String, Path> shard : shards.entrySet()) {
            for (String key : map(shard.getValue())) {
                String said = wanted.remove(key);
                if (!shard.getKey().equals(said)) {
                    throw new MaskRtException(
                            ExitCode.FAILURE,
                            path + ": " + Text.quote(key) + " is in " + shard.getKey() + ", the index says "
                                    + (said == null ? "nothing of it" : said) + "; fetch index and shards again");
                }
            }
        }
        if (!wanted.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    path + ": " + wanted.size() + " keys of the index are not in its files, such as "
                            + wanted.keySet().stream()
                                    .limit(KEYS_IN_MESSAGES)
                                    .map(Text::quote)
                                    .toList()
                            + "; fetch index and shards again");
        }
    }

    /** The keys of the file. */
    private List<String> map(Path shard) {
        if (Files.isDirectory(shard)) {
            throw new MaskRtException(
                    ExitCode.FAILURE, shard + ": expected a .safetensors file, found a folder; name a file in it");
        }
        try {
            MappedFile file = MappedFile.open(shard);
            files.add(file);
            byte[] json = header(file);
            long data = (long) Long.BYTES + json.length;
            SafeTensorsHeader header = SafeTensorsHeader.parse(shard.toString(), json, file.size() - data);
            metadata.putAll(header.metadata());
            for (SafeTensorsHeader.Entry e : header.entries()) {
                places.put(e.key(), new Place(file, e.dtype(), e.shape(), data + e.begin()));
            }
            return header.entries().stream().map(SafeTensorsHeader.Entry::key).toList();
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    shard + ": cannot be read: " + AtomicFiles.reason(e) + "; check the path and its permissions",
                    e);
        }
    }

    private static byte[] header(MappedFile file) {
        String where = file.path().toString();
        if (file.size() < Long.BYTES) {
            throw SafeTensorsHeader.refuse(
                    where, "truncated: the length of the header needs 8 bytes, the file has " + file.size(), null);
        }
        ByteBuffer prefix = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        file.read(0, Long.BYTES, 1, prefix::put);
        if (StandardCharsets.US_ASCII.decode(prefix.flip()).toString().equals("version ")) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    where + ": expected weights, found a Git LFS pointer to them; run 'git lfs pull'");
        }
        long length = prefix.getLong(0);
        long most = Math.min(SafeTensorsHeader.LONGEST, file.size() - Long.BYTES);
        if (length < 2 || length > most) {
            throw SafeTensorsHeader.refuse(
                    where,
                    "the header claims to have " + Long.toUnsignedString(length) + " bytes, expected 2 to " + most,
                    null);
        }
        ByteBuffer json = ByteBuffer.allocate((int) length);
        file.read(Long.BYTES, (int) length, 1, json::put);
        return json.array();
    }

    @Override
    public String origin() {
        return path.toString();
    }

    /** The files that hold the weights: one, or the shards in the order of their names. */
    public List<Path> files() {
        return files.stream().map(MappedFile::path).toList();
    }

    /** The text pairs of the header ({@code __metadata__}), of all shards together. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public Set<String> keys() {
        return Collections.unmodifiableSet(places.keySet());
    }

    @Override
    public Shape shape(String key) {
        return place(key).shape;
    }

    @Override
    public DType dtype(String key) {
        return place(key).dtype;
    }

    @Override
    public Tensor tensor(String key) {
        Place place = place(key);
        int size = place.shape.size();
        if (place.dtype.isIndices()) {
            long[] indices = new long[size];
            int[] at = {0};
            place.file.read(place.position, size, DType.I64.bytes(), part -> {
                int count = part.remaining() / DType.I64.bytes();
                part.asLongBuffer().get(indices, at[0], count);
                at[0] += count;
            });
            return Tensor.ofIndices(indices, place.shape.dims());
        }
        float[] values = new float[size];
        read(key, 0, values, size);
        return Tensor.of(values, place.shape);
    }

    /** Any floating-point tensor without the rounding of {@link DType#F64} to fp32. */
    public double[] doubles(String key) {
        Place place = place(key);
        int size = place.shape.size();
        double[] doubles = new double[size];
        if (place.dtype != DType.F64) {
            float[] values = tensor(key).values();
            for (int i = 0; i < size; i++) {
                doubles[i] = values[i];
            }
            return doubles;
        }
        int[] at = {0};
        place.file.read(place.position, size, DType.F64.bytes(), part -> {
            int count = part.remaining() / DType.F64.bytes();
            part.asDoubleBuffer().get(doubles, at[0], count);
            at[0] += count;
        });
        return doubles;
    }

    @Override
    public void read(String key, int from, float[] target, int count) {
        Place place = place(key);
        if (place.dtype.isIndices()) {
            throw new IllegalArgumentException(
                    path + ": '" + key + "' holds int64 indices, fp32 values were asked for");
        }
        if (from < 0 || count < 0 || from > place.shape.size() - count) {
            throw new IllegalArgumentException(path + ": '" + key + "' has " + place.shape.size() + " values, " + count
                    + " from " + from + " on were asked for");
        }
        int bytes = place.dtype.bytes();
        int[] at = {0};
        place.file.read(place.position + (long) from * bytes, count, bytes, part -> {
            int n = part.remaining() / bytes;
            place.dtype.decode(part, target, at[0], n);
            at[0] += n;
        });
    }

    @Override
    public @Nullable ByteBuffer view(String key) {
        Place place = place(key);
        long bytes = (long) place.shape.size() * DType.F32.bytes();
        boolean asInMemory = place.dtype == DType.F32
                && place.position % DType.F32.bytes() == 0
                && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        if (!asInMemory || bytes == 0 || bytes > Integer.MAX_VALUE) {
            return null;
        }
        ByteBuffer view = place.file.view(place.position, (int) bytes);
        return view == null ? null : view.order(ByteOrder.nativeOrder());
    }

    private Place place(String key) {
        Place place = places.get(key);
        if (place == null) {
            throw new IllegalArgumentException(
                    path + " has no tensor " + Text.quote(key) + " among its " + places.size());
        }
        return place;
    }

    @Override
    public void release() {
        files.forEach(MappedFile::release);
    }

    /** Unmaps the files; idempotent. */
    @Override
    public void close() {
        files.forEach(MappedFile::close);
    }

    /** Writes tensors in memory; see {@link #write(Path, Weights, DType, Map)}. */
    public static void write(Path file, Map<String, Tensor> tensors, DType dtype) {
        write(file, Weights.of("the tensors for " + file, tensors), dtype, Map.of());
    }

    /**
     * Writes a file, one tensor after the other, so no more than one is in memory. Values are stored as {@code dtype}, indices as
     * {@link DType#I64} and before the values, which keeps all of them aligned.
     *
     * @param metadata text pairs for the header
     * @throws MaskRtException if the file cannot be written; then it is as it was before
     */
    public static void write(Path file, Weights weights, DType dtype, Map<String, String> metadata) {
        write(file, weights, ordered(weights), dtype, metadata);
    }

    /**
     * Writes {@code stem-00001-of-0000N.safetensors} and so on, and their index {@code stem.safetensors.index.json}.
     *
     * @param shardBytes the most that the tensors of one file may take; a larger tensor has a file of its own
     */
    public static void writeSharded(Path folder, String stem, Weights weights, DType dtype, long shardBytes) {
        List<List<String>> shards = new ArrayList<>();
        long total = 0;
        long room = 0;
        for (String key : ordered(weights)) {
            long bytes = bytes(weights, key, dtype);
            if (shards.isEmpty() || bytes > room) {
                shards.add(new ArrayList<>());
                room = shardBytes;
            }
            shards.get(shards.size() - 1).add(key);
            room -= bytes;
            total += bytes;
        }
        ObjectNode index = Json.object();
        index.putObject("metadata").put("total_size", total);
        ObjectNode map = index.putObject("weight_map");
        for (int i = 0; i < shards.size(); i++) {
            String name = String.format("%s-%05d-of-%05d.safetensors", stem, i + 1, shards.size());
            write(folder.resolve(name), weights, shards.get(i), dtype, Map.of());
            shards.get(i).forEach(key -> map.put(key, name));
        }
        Json.write(folder.resolve(stem + INDEX), index);
    }

    private static List<String> ordered(Weights weights) {
        return weights.keys().stream()
                .sorted(Comparator.comparing(key -> !weights.dtype(key).isIndices()))
                .toList();
    }

    private static long bytes(Weights weights, String key, DType dtype) {
        DType stored = weights.dtype(key).isIndices() ? DType.I64 : dtype;
        return (long) weights.shape(key).size() * stored.bytes();
    }

    private static void write(
            Path file, Weights weights, List<String> keys, DType dtype, Map<String, String> metadata) {
        List<SafeTensorsHeader.Entry> entries = new ArrayList<>();
        long at = 0;
        for (String key : keys) {
            long end = at + bytes(weights, key, dtype);
            DType stored = weights.dtype(key).isIndices() ? DType.I64 : dtype;
            entries.add(new SafeTensorsHeader.Entry(key, stored, weights.shape(key), at, end));
            at = end;
        }
        // Python readers ask for this pair.
        Map<String, String> pairs = new LinkedHashMap<>(Map.of("format", "pt"));
        pairs.putAll(metadata);
        byte[] header = SafeTensorsHeader.format(entries, pairs);
        AtomicFiles.write(file, channel -> {
            writeFully(channel, ByteBuffer.wrap(header));
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
            for (SafeTensorsHeader.Entry entry : entries) {
                write(channel, chunk, entry, weights);
            }
        });
    }

    private static void write(FileChannel channel, ByteBuffer chunk, SafeTensorsHeader.Entry entry, Weights weights)
            throws IOException {
        Tensor tensor = weights.tensor(entry.key());
        if (!tensor.shape().equals(entry.shape())) {
            throw new IllegalArgumentException(weights.origin() + ": '" + entry.key() + "' was announced as "
                    + entry.shape() + " and came as " + tensor.shape());
        }
        int most = CHUNK / entry.dtype().bytes();
        for (int from = 0; from < tensor.size(); from += most) {
            int count = Math.min(most, tensor.size() - from);
            chunk.clear();
            if (tensor.isIndices()) {
                DType.encode(tensor.indices(), from, count, chunk);
            } else {
                entry.dtype().encode(tensor.values(), from, count, chunk);
            }
            writeFully(channel, chunk.flip());
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
