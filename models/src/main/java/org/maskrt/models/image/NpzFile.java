package org.maskrt.models.image;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The arrays of a {@code .npz} archive, as {@code numpy.savez} and {@link Npz} write it. */
public final class NpzFile implements AutoCloseable {
    private static final String SUFFIX = ".npy";

    private final Path file;
    private final ZipFile zip;

    private NpzFile(Path file, ZipFile zip) {
        this.file = file;
        this.zip = zip;
    }

    /**
     * Opens an archive; its arrays are read when they are asked for.
     *
     * @throws MaskRtException if it is missing or damaged
     */
    public static NpzFile open(Path file) {
        try {
            return new NpzFile(file, new ZipFile(file.toFile()));
        } catch (NoSuchFileException e) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": there is no such file; check the path", e);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected an archive of numpy (.npz), it cannot be read ("
                            + (e instanceof ZipException ? e.getMessage() : e) + "); write or fetch it again",
                    e);
        }
    }

    public Path path() {
        return file;
    }

    /** The names of its arrays, in the order of the archive. */
    public List<String> names() {
        return zip.stream()
                .map(ZipEntry::getName)
                .filter(name -> name.endsWith(SUFFIX))
                .map(name -> name.substring(0, name.length() - SUFFIX.length()))
                .toList();
    }

    /** Whether there is an array of this name. */
    public boolean has(String name) {
        return zip.getEntry(name + SUFFIX) != null;
    }

    /**
     * An array, to be closed before the archive.
     *
     * @throws MaskRtException if there is none of this name, or it is damaged, or of a kind that is not read
     */
    public NpyArray array(String name) {
        ZipEntry entry = zip.getEntry(name + SUFFIX);
        if (entry == null) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected an array '" + name + "', found " + names() + "; write or fetch the file again");
        }
        try {
            InputStream content = new Checked(zip.getInputStream(entry), entry.getSize(), entry.getCrc());
            return NpyArray.of(file + "[" + name + "]", content, entry.getSize());
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": the array '" + name + "' is damaged (" + e.getMessage()
                            + "); write or fetch the file again",
                    e);
        }
    }

    /** Holds the bytes against their checksum when the last is read, which the JDK leaves out. */
    private static final class Checked extends FilterInputStream {
        private final CRC32 crc = new CRC32();
        private final long expected;
        private long left;

        Checked(InputStream in, long size, long expected) {
            super(in);
            this.left = size;
            this.expected = expected;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
        }

        @Override
        public int read(byte[] into, int at, int count) throws IOException {
            int read = super.read(into, at, count);
            if (read > 0) {
                crc.update(into, at, read);
                left -= read;
                if (left == 0 && crc.getValue() != expected) {
                    throw new IOException("its checksum is another");
                }
            }
            return read;
        }
    }

    @Override
    public void close() {
        try {
            zip.close();
        } catch (IOException e) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": cannot be closed (" + e + "); check the disk", e);
        }
    }
}
