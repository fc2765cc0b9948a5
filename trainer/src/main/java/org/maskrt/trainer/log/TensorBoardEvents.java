package org.maskrt.trainer.log;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;

/**
 * Scalars and pictures for TensorBoard. Each run writes one file of TFRecords (length, its masked CRC32C, data, its masked
 * CRC32C; little endian), each an {@code Event} message of TensorFlow's {@code event.proto} and {@code summary.proto}.
 */
public final class TensorBoardEvents implements Closeable {
    // Field numbers of event.proto and summary.proto.
    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int EVENT_SESSION_LOG = 7;
    private static final int SESSION_LOG_STATUS = 1;
    private static final int SESSION_START = 1;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE = 2;
    private static final int VALUE_IMAGE = 4;
    private static final int IMAGE_HEIGHT = 1;
    private static final int IMAGE_WIDTH = 2;
    private static final int IMAGE_COLORSPACE = 3;
    private static final int IMAGE_RGB = 3;
    private static final int IMAGE_ENCODED = 4;

    /** What fills a message with its fields. */
    private interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    private final Path file;
    private final OutputStream out;

    /**
     * Starts an events file.
     *
     * @param folder the log folder that TensorBoard is pointed at; made if it is not there
     * @param resumedStep TensorBoard drops what earlier files of the folder say of later steps; 0 for a run from the start
     * @throws MaskRtException if the file cannot be made
     */
    public TensorBoardEvents(Path folder, long resumedStep) {
        String stem = String.format("events.out.tfevents.%010d.maskrt", System.currentTimeMillis() / 1000);
        Path candidate = folder.resolve(stem);
        try {
            Files.createDirectories(folder);
            for (int i = 1; Files.exists(candidate); i++) {
                candidate = folder.resolve(stem + "." + i);
            }
            this.file = candidate;
            this.out = Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw unwritable(candidate, e);
        }
        event(0, event -> event.writeString(EVENT_FILE_VERSION, "brain.Event:2"));
        if (resumedStep > 0) {
            event(
                    resumedStep + 1,
                    event ->
                            message(event, EVENT_SESSION_LOG, log -> log.writeEnum(SESSION_LOG_STATUS, SESSION_START)));
        }
    }

    /** The file that is written. */
    public Path file() {
        return file;
    }

    /** Writes one number under {@code tag}, for example {@code loss/mse}. */
    public void scalar(long step, String tag, double value) {
        value(step, tag, fields -> fields.writeFloat(VALUE_SIMPLE, (float) value));
    }

    /** Writes a picture under {@code tag}, as a PNG. */
    public void image(long step, String tag, RgbImage image) {
        byte[] png = Images.png(image, Map.of());
        value(
                step,
                tag,
                fields -> message(fields, VALUE_IMAGE, picture -> {
                    picture.writeInt32(IMAGE_HEIGHT, image.height());
                    picture.writeInt32(IMAGE_WIDTH, image.width());
                    picture.writeInt32(IMAGE_COLORSPACE, IMAGE_RGB);
                    picture.writeByteArray(IMAGE_ENCODED, png);
                }));
    }

    private void value(long step, String tag, Fields content) {
        event(
                step,
                event -> message(
                        event,
                        EVENT_SUMMARY,
                        summary -> message(summary, SUMMARY_VALUE, value -> {
                            value.writeString(VALUE_TAG, tag);
                            content.write(value);
                        })));
    }

    private void event(long step, Fields content) {
        try {
            byte[] data = bytes(event -> {
                event.writeDouble(EVENT_WALL_TIME, System.currentTimeMillis() / 1000.0);
                event.writeInt64(EVENT_STEP, step);
                content.write(event);
            });
            ByteBuffer record = ByteBuffer.allocate(data.length + 16).order(ByteOrder.LITTLE_ENDIAN);
            record.putLong(data.length).putInt(maskedCrc(record.array(), 0, 8));
            record.put(data).putInt(maskedCrc(data, 0, data.length));
            out.write(record.array());
            out.flush();
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    private static void message(CodedOutputStream out, int field, Fields content) throws IOException {
        out.writeByteArray(field, bytes(content));
    }

    private static byte[] bytes(Fields content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        content.write(out);
        out.flush();
        return bytes.toByteArray();
    }

    /** The CRC32C rotated right by 15 bits plus a constant, as TensorFlow's record format has it. */
    static int maskedCrc(byte[] data, int offset, int length) {
        CRC32C crc = new CRC32C();
        crc.update(data, offset, length);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
    }

    private static MaskRtException unwritable(Path file, IOException e) {
        return new MaskRtException(
                ExitCode.FAILURE,
                file + ": expected to write events, failed (" + e + "); free space or choose another folder",
                e);
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }
}
