package org.maskrt.models.image;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * An array of a {@code .npy} file, read once from front to back. Only what numpy writes without pickling is read: row-major, little-endian
 * arrays of uint8, float32 or float64. Nothing is allocated after the sizes that a file claims before they are held against its length.
 */
public final class NpyArray implements AutoCloseable {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int LONGEST_HEADER = 1 << 16;
    private static final int MOST_DIMENSIONS = 32;
    private static final int BUFFER = 1 << 16;
    private static final Pattern DESCR = Pattern.compile("'descr':\\s*'([^']{1,8})'");
    private static final Pattern ORDER = Pattern.compile("'fortran_order':\\s*(True|False)");
    private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([0-9, ]{0,500})\\)");

    /** The types of elements that are read. */
    public enum Type {
        UINT8("|u1", 1),
        FLOAT32("<f4", 4),
        FLOAT64("<f8", 8);

        private final String descr;
        private final int bytes;

        Type(String descr, int bytes) {
            this.descr = descr;
            this.bytes = bytes;
        }
    }

    private final String name;
    private final InputStream in;
    private final Type type;
    private final long[] shape;
    private final byte[] bytes = new byte[BUFFER];
    private final ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    private long left;

    private NpyArray(String name, InputStream in, Type type, long[] shape) {
        this.name = name;
        this.in = in;
        this.type = type;
        this.shape = shape;
        this.left = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    /**
     * Opens a {@code .npy} file.
     *
     * @throws MaskRtException if it is missing, damaged, or of a kind that is not read
     */
    public static NpyArray open(Path file) {
        try {
            return of(file.toString(), Files.newInputStream(file), Files.size(file));
        } catch (NoSuchFileException e) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": cannot be read (" + e + "); check the file", e);
        }
    }

    /**
     * Takes over {@code stream}, which is closed if this fails.
     *
     * @param name for messages
     * @param length of the stream in bytes
     */
    static NpyArray of(String name, InputStream stream, long length) throws IOException {
        InputStream in = new BufferedInputStream(stream, BUFFER);
        try {
            return read(name, in, length);
        } catch (IOException | RuntimeException e) {
            in.close();
            if (e instanceof EOFException) {
                throw damaged(name, "a header of numpy", "the file's end");
            }
            throw e;
        }
    }

    private static NpyArray read(String name, InputStream in, long length) throws IOException {
        byte[] start = exactly(in, MAGIC.length + 2);
        if (!Arrays.equals(start, 0, MAGIC.length, MAGIC, 0, MAGIC.length)
                || start[MAGIC.length] < 1
                || start[MAGIC.length] > 3) {
            throw damaged(name, "a .npy array of version 1 to 3", "other bytes");
        }
        int lengthBytes = start[MAGIC.length] == 1 ? 2 : 4;
        byte[] prefix = exactly(in, lengthBytes);
        long headerLength = 0;
        for (int i = lengthBytes - 1; i >= 0; i--) {
            headerLength = (headerLength << 8) | Byte.toUnsignedLong(prefix[i]);
        }
        if (headerLength > LONGEST_HEADER) {
            throw damaged(name, "a header of at most " + LONGEST_HEADER + " bytes", "one of " + headerLength);
        }
        String header = new String(exactly(in, (int) headerLength), StandardCharsets.ISO_8859_1);
        Type type = type(name, found(DESCR, header));
        if (found(ORDER, header).equals("True")) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    name + ": expected a row-major array, received one in Fortran order; save it again through"
                            + " numpy.ascontiguousarray");
        }
        long[] shape = shape(name, header);
        long expected = start.length + prefix.length + headerLength + product(name, shape, type.bytes);
        if (expected != length) {
            throw damaged(name, expected + " bytes for " + type.descr + " " + Arrays.toString(shape), length + "");
        }
        return new NpyArray(name, in, type, shape);
    }

    private static byte[] exactly(InputStream in, int count) throws IOException {
        byte[] read = in.readNBytes(count);
        if (read.length < count) {
            throw new EOFException();
        }
        return read;
    }

    private static String found(Pattern pattern, String header) {
        Matcher matcher = pattern.matcher(header);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static Type type(String name, String descr) {
        for (Type type : Type.values()) {
            if (type.descr.equals(descr)) {
                return type;
            }
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                name + ": expected elements of uint8, float32 or float64 (|u1, <f4, <f8), received "
                        + (descr.isEmpty() ? "another kind" : "'" + descr + "'") + "; convert with numpy's astype");
    }

    private static long[] shape(String name, String header) {
        Matcher matcher = SHAPE.matcher(header);
        if (!matcher.find()) {
            throw damaged(name, "a shape in the header", "none");
        }
        List<Long> dims = new ArrayList<>();
        for (String dim : matcher.group(1).split(",")) {
            if (!dim.isBlank()) {
                String digits = dim.strip();
                if (!digits.matches("\\d{1,18}") || dims.size() == MOST_DIMENSIONS) {
                    throw damaged(name, "a shape of numbers", "(" + matcher.group(1) + ")");
                }
                dims.add(Long.parseLong(digits));
            }
        }
        return dims.stream().mapToLong(Long::longValue).toArray();
    }

    private static long product(String name, long[] shape, int elementBytes) {
        try {
            long product = elementBytes;
            for (long dim : shape) {
                product = Math.multiplyExact(product, dim);
            }
            return product;
        } catch (ArithmeticException e) {
            throw damaged(name, "a shape that fits a file", Arrays.toString(shape));
        }
    }

    private static MaskRtException damaged(String name, String expected, String received) {
        return new MaskRtException(
                ExitCode.FAILURE,
                name + ": expected " + expected + ", received " + received + "; write or fetch the file again");
    }

    /** Where it comes from, for messages. */
    public String name() {
        return name;
    }

    public Type type() {
        return type;
    }

    /** The lengths of its axes. */
    public long[] shape() {
        return shape.clone();
    }

    /**
     * The next {@code count} bytes of a uint8 array into {@code into[at ..]}.
     *
     * @throws MaskRtException if the file ends before, or cannot be read
     * @throws IllegalStateException if the array holds something else, or less
     */
    public void read(byte[] into, int at, int count) {
        if (type != Type.UINT8) {
            throw new IllegalStateException(name + " holds " + type + ", not bytes");
        }
        take(count);
        Objects.checkFromIndexSize(at, count, into.length);
        fill(into, at, count);
    }

    /** The next {@code count} elements into {@code into[at ..]}, as {@link #read(byte[], int, int)}; of float64 rounded. */
    public void read(float[] into, int at, int count) {
        Objects.checkFromIndexSize(at, count, into.length);
        parts(count, (from, n) -> {
            for (int i = 0; i < n; i++) {
                into[at + from + i] = (float) element(i);
            }
        });
    }

    /** The next {@code count} elements into {@code into[at ..]}, as {@link #read(byte[], int, int)}. */
    public void read(double[] into, int at, int count) {
        Objects.checkFromIndexSize(at, count, into.length);
        parts(count, (from, n) -> {
            for (int i = 0; i < n; i++) {
                into[at + from + i] = element(i);
            }
        });
    }

    @FunctionalInterface
    private interface Part {
        void convert(int from, int count);
    }

    private void parts(int count, Part part) {
        take(count);
        int fit = BUFFER / type.bytes;
        for (int from = 0; from < count; from += fit) {
            int n = Math.min(fit, count - from);
            fill(bytes, 0, n * type.bytes);
            part.convert(from, n);
        }
    }

    private double element(int index) {
        return switch (type) {
            case UINT8 -> Byte.toUnsignedInt(bytes[index]);
            case FLOAT32 -> buffer.getFloat(index * Float.BYTES);
            case FLOAT64 -> buffer.getDouble(index * Double.BYTES);
        };
    }

    private void take(int count) {
        if (count > left) {
            throw new IllegalStateException(name + " has " + left + " elements left, asked for " + count);
        }
        left -= count;
    }

    private void fill(byte[] into, int at, int count) {
        try {
            if (in.readNBytes(into, at, count) < count) {
                throw damaged(name, Arrays.toString(shape), "fewer elements");
            }
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    name + ": expected " + Arrays.toString(shape) + ", the data is damaged (" + e.getMessage()
                            + "); write or fetch the file again",
                    e);
        }
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw new MaskRtException(ExitCode.FAILURE, name + ": cannot be closed (" + e + "); check the disk", e);
        }
    }
}
