package org.maskrt.models.image;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.function.IntFunction;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;

/**
 * The archive of samples that the evaluators of ADM, DiT and MDT read with {@code numpy.load}: {@code arr_0}, uint8 [N,H,W,3], and
 * {@code arr_1}, int64 [N], the labels.
 */
public final class Npz {
    private static final int HEADER_ALIGNMENT = 64;
    private static final int BUFFER = 1 << 16;

    private Npz() {}

    /**
     * Writes the archive. The pictures are asked for one at a time, each once and in order, and none is kept.
     *
     * @param labels one for each picture
     * @param images the picture of an index, {@code width} x {@code height}
     * @throws MaskRtException if the file cannot be written; nothing half-written stays
     * @throws IllegalArgumentException if a picture has another size
     */
    public static void write(Path target, long[] labels, int width, int height, IntFunction<RgbImage> images) {
        AtomicFiles.write(target, channel -> {
            ZipOutputStream zip =
                    new ZipOutputStream(new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER));
            zip.setLevel(Deflater.BEST_SPEED);
            entry(zip, "arr_0", "|u1", labels.length + ", " + height + ", " + width + ", 3");
            for (int i = 0; i < labels.length; i++) {
                RgbImage image = images.apply(i);
                if (image.width() != width || image.height() != height) {
                    throw new IllegalArgumentException("picture " + i + " must be " + width + " x " + height + ", got "
                            + image.width() + " x " + image.height());
                }
                zip.write(image.pixels());
            }
            zip.closeEntry();
            entry(zip, "arr_1", "<i8", labels.length + ",");
            ByteBuffer bytes = ByteBuffer.allocate(labels.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asLongBuffer().put(labels);
            zip.write(bytes.array());
            zip.closeEntry();
            zip.finish();
            zip.flush();
        });
    }

    private static void entry(ZipOutputStream zip, String name, String type, String shape) throws IOException {
        ZipEntry entry = new ZipEntry(name + ".npy");
        // A fixed time, so that the same samples give the same bytes.
        entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
        zip.putNextEntry(entry);
        header(zip, "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }");
    }

    /** The header of a .npy file, version 1.0: magic, length, a Python literal padded to 64 bytes. */
    private static void header(OutputStream out, String literal) throws IOException {
        byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
        int unpadded = magic.length + Short.BYTES + literal.length() + 1;
        String padded = literal + " ".repeat(Math.floorMod(-unpadded, HEADER_ALIGNMENT)) + "\n";
        out.write(magic);
        out.write(padded.length() & 0xFF);
        out.write(padded.length() >> 8);
        out.write(padded.getBytes(StandardCharsets.US_ASCII));
    }
}
