package org.maskrt.trainer.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;

class TensorBoardEventsTest {
    @TempDir
    Path folder;

    /** Reads the records with an independent CRC32C (bit by bit, reflected polynomial 0x82f63b78). */
    private static List<UnknownFieldSet> events(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<UnknownFieldSet> events = new ArrayList<>();
        while (bytes.hasRemaining()) {
            byte[] length = new byte[8];
            bytes.get(length);
            assertEquals(masked(length), bytes.getInt(), "checksum of a length");
            byte[] data = new byte
                    [(int) ByteBuffer.wrap(length)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong()];
            bytes.get(data);
            assertEquals(masked(data), bytes.getInt(), "checksum of a record");
            events.add(UnknownFieldSet.parseFrom(data));
        }
        return events;
    }

    private static int masked(byte[] data) {
        int crc = crc(data);
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }

    private static int crc(byte[] data) {
        int crc = -1;
        for (byte b : data) {
            crc ^= b & 255;
            for (int i = 0; i < 8; i++) {
                crc = crc >>> 1 ^ ((crc & 1) == 0 ? 0 : 0x82f63b78);
            }
        }
        return ~crc;
    }

    private static UnknownFieldSet message(UnknownFieldSet parent, int field) throws IOException {
        return UnknownFieldSet.parseFrom(bytes(parent, field));
    }

    private static ByteString bytes(UnknownFieldSet parent, int field) {
        return parent.getField(field).getLengthDelimitedList().get(0);
    }

    private static long number(UnknownFieldSet parent, int field) {
        return parent.getField(field).getVarintList().get(0);
    }

    @Test
    void checksumIsTheReferenceValue() {
        byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
        assertEquals(0xe3069283, crc(digits));
        assertEquals(masked(digits), TensorBoardEvents.maskedCrc(digits, 0, 9));
    }

    @Test
    void eventsReadBack() throws IOException {
        RgbImage image = new RgbImage(5, 3);
        image.pixels()[3 * 14 + 1] = 0x56;
        Path file;
        try (TensorBoardEvents log = new TensorBoardEvents(folder.resolve("logs"), 0)) {
            log.scalar(7, "loss/mse", 0.25);
            log.image(8, "samples", image);
            file = log.file();
        }
        assertTrue(file.getFileName().toString().startsWith("events.out.tfevents."), file.toString());
        List<UnknownFieldSet> events = events(file);
        assertEquals(3, events.size());
        assertEquals("brain.Event:2", bytes(events.get(0), 3).toStringUtf8());
        double wall = Double.longBitsToDouble(
                events.get(1).getField(1).getFixed64List().get(0));
        assertTrue(Math.abs(wall - System.currentTimeMillis() / 1000.0) < 600, "wall time " + wall);

        assertEquals(7, number(events.get(1), 2));
        UnknownFieldSet scalar = message(message(events.get(1), 5), 1);
        assertEquals("loss/mse", bytes(scalar, 1).toStringUtf8());
        assertEquals(
                0.25f, Float.intBitsToFloat(scalar.getField(2).getFixed32List().get(0)));

        assertEquals(8, number(events.get(2), 2));
        UnknownFieldSet value = message(message(events.get(2), 5), 1);
        assertEquals("samples", bytes(value, 1).toStringUtf8());
        UnknownFieldSet picture = message(value, 4);
        assertEquals(List.of(3L, 5L, 3L), List.of(number(picture, 1), number(picture, 2), number(picture, 3)));
        BufferedImage back =
                ImageIO.read(new ByteArrayInputStream(bytes(picture, 4).toByteArray()));
        assertNotNull(back);
        assertEquals(0x5600, back.getRGB(4, 2) & 0xffffff);
    }

    @Test
    void resumedRunWritesAnotherFileThatDropsLaterSteps() throws IOException {
        Path first;
        try (TensorBoardEvents log = new TensorBoardEvents(folder, 0)) {
            first = log.file();
        }
        try (TensorBoardEvents log = new TensorBoardEvents(folder, 40)) {
            assertNotEquals(first, log.file());
            List<UnknownFieldSet> events = events(log.file());
            assertEquals(2, events.size());
            assertEquals(41, number(events.get(1), 2));
            assertEquals(1, number(message(events.get(1), 7), 1), "SessionLog.START");
        }
    }

    @Test
    void unwritableFolderIsOneLine() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        String message = assertThrows(MaskRtException.class, () -> new TensorBoardEvents(file, 0))
                .getMessage();
        assertTrue(message.startsWith(file + "/events.out.tfevents."), message);
        assertTrue(message.endsWith("; free space or choose another folder") && !message.contains("\n"), message);
    }
}
