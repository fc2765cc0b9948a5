package org.maskrt.models.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class NpzFileTest {
    @TempDir
    Path folder;

    private static byte[] npy(int version, String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer out = ByteBuffer.allocate(8 + (version == 1 ? 2 : 4) + text.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            out.putShort((short) text.length);
        } else {
            out.putInt(text.length);
        }
        return out.put(text).put(data).array();
    }

    private static String header(String descr, String shape) {
        return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }   \n";
    }

    @Test
    void readsWhatNpzWrites() {
        Path file = folder.resolve("samples.npz");
        List<RgbImage> images = List.of(ImagesTest.pattern(5, 4), new RgbImage(5, 4));
        Npz.write(file, new long[] {7, 8}, 5, 4, images::get);
        try (NpzFile npz = NpzFile.open(file)) {
            assertEquals(List.of("arr_0", "arr_1"), npz.names());
            assertTrue(npz.has("arr_0"));
            assertFalse(npz.has("mu"));
            try (NpyArray array = npz.array("arr_0")) {
                assertEquals(NpyArray.Type.UINT8, array.type());
                assertArrayEquals(new long[] {2, 4, 5, 3}, array.shape());
                byte[] pixels = new byte[62];
                array.read(pixels, 2, 60);
                assertArrayEquals(images.get(0).pixels(), Arrays.copyOfRange(pixels, 2, 62));
                float[] values = new float[60];
                array.read(values, 0, 60);
                assertArrayEquals(new float[60], values);
                assertEquals(
                        file + "[arr_0] has 0 elements left, asked for 1",
                        assertThrows(IllegalStateException.class, () -> array.read(values, 0, 1))
                                .getMessage());
            }
            assertEquals(
                    file + ": expected an array 'mu', found [arr_0, arr_1]; write or fetch the file again",
                    assertThrows(MaskRtException.class, () -> npz.array("mu")).getMessage());
            assertEquals(
                    file + "[arr_1]: expected elements of uint8, float32 or float64 (|u1, <f4, <f8), received '<i8';"
                            + " convert with numpy's astype",
                    assertThrows(MaskRtException.class, () -> npz.array("arr_1"))
                            .getMessage());
        }
    }

    @Test
    void singleAndDoublePrecisionOverManyBuffers() throws IOException {
        int count = 20_000;
        for (String descr : List.of("<f4", "<f8")) {
            ByteBuffer data =
                    ByteBuffer.allocate(count * (descr.equals("<f4") ? 4 : 8)).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                if (descr.equals("<f4")) {
                    data.putFloat(i / 8f);
                } else {
                    data.putDouble(i / 3.0);
                }
            }
            Path file = folder.resolve("a.npy");
            Files.write(file, npy(descr.equals("<f4") ? 2 : 1, header(descr, "2, 10000"), data.array()));
            try (NpyArray array = NpyArray.open(file)) {
                double[] values = new double[count];
                array.read(values, 0, 3);
                array.read(values, 3, count - 4);
                float[] last = new float[2];
                array.read(last, 1, 1);
                for (int i = 0; i < count - 1; i++) {
                    assertEquals(descr.equals("<f4") ? i / 8f : i / 3.0, values[i], descr + " " + i);
                }
                assertEquals((float) (descr.equals("<f4") ? 19999 / 8f : 19999 / 3.0), last[1], descr);
            }
        }
    }

    @Test
    void aScalarHasOneElement() throws IOException {
        Path file = folder.resolve("a.npy");
        Files.write(file, npy(1, header("|u1", ""), new byte[] {9}));
        try (NpyArray array = NpyArray.open(file)) {
            float[] value = new float[1];
            array.read(value, 0, 1);
            assertEquals(9, value[0]);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    {'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }     | row-major
                    {'descr': '>f4', 'fortran_order': False, 'shape': (2,), }      | received '>f4'
                    {'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), } | received another kind
                    {'descr': '<f4', 'fortran_order': False, 'shape': (3,), }      | bytes for <f4 [3], received
                    {'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 999999999999), } | a shape that fits a file
                    {'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999,), } | a shape of numbers
                    {'descr': '<f4', 'fortran_order': False, 'shape': (2 2), }     | a shape of numbers
                    {'descr': '<f4', 'fortran_order': False }                      | a shape in the header
                    """)
    void refusesHeaders(String header, String text) throws IOException {
        Path file = folder.resolve("a.npy");
        Files.write(file, npy(1, header + "\n", new byte[8]));
        MaskRtException e = assertThrows(MaskRtException.class, () -> NpyArray.open(file));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(
                e.getMessage().startsWith(file + ": expected ")
                        && e.getMessage().contains(text),
                e.getMessage());
    }

    @Test
    void refusesPicklesOtherFilesAndCutOnes() throws IOException {
        Path file = folder.resolve("a.npy");
        Files.write(file, npy(1, header("|O", "1,"), new byte[30]));
        assertEquals(
                file + ": expected elements of uint8, float32 or float64 (|u1, <f4, <f8), received '|O'; convert with"
                        + " numpy's astype",
                assertThrows(MaskRtException.class, () -> NpyArray.open(file)).getMessage());
        Files.writeString(file, "this is no array of numpy");
        assertEquals(
                file + ": expected a .npy array of version 1 to 3, received other bytes; write or fetch the file again",
                assertThrows(MaskRtException.class, () -> NpyArray.open(file)).getMessage());
        Files.write(file, new byte[] {(byte) 0x93, 'N', 'U'});
        assertEquals(
                file + ": expected a header of numpy, received the file's end; write or fetch the file again",
                assertThrows(MaskRtException.class, () -> NpyArray.open(file)).getMessage());
        byte[] endless = npy(2, header("|u1", "1,"), new byte[1]);
        endless[11] = 0x7F;
        Files.write(file, endless);
        assertTrue(assertThrows(MaskRtException.class, () -> NpyArray.open(file))
                .getMessage()
                .startsWith(file + ": expected a header of at most 65536 bytes, received one of "));
        Path missing = folder.resolve("none");
        assertEquals(
                missing + ": there is no such file; check the path",
                assertThrows(MaskRtException.class, () -> NpyArray.open(missing))
                        .getMessage());
        assertEquals(
                missing + ": there is no such file; check the path",
                assertThrows(MaskRtException.class, () -> NpzFile.open(missing)).getMessage());
        assertTrue(assertThrows(MaskRtException.class, () -> NpzFile.open(file))
                .getMessage()
                .startsWith(file + ": expected an archive of numpy (.npz), it cannot be read ("));
    }

    @ParameterizedTest
    @ValueSource(ints = {Deflater.NO_COMPRESSION, Deflater.DEFAULT_COMPRESSION})
    void refusesAnArchiveWithDamagedBytes(int level) throws IOException {
        Path file = folder.resolve("a.npz");
        byte[] data = new byte[100_000];
        new Random(1).nextBytes(data);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.setLevel(level);
            zip.putNextEntry(new ZipEntry("arr_0.npy"));
            zip.write(npy(1, header("|u1", "100000,"), data));
            zip.closeEntry();
        }
        byte[] bytes = Files.readAllBytes(file);
        Arrays.fill(bytes, bytes.length / 2, bytes.length / 2 + 3, (byte) 0xFF);
        Files.write(file, bytes);
        try (NpzFile npz = NpzFile.open(file);
                NpyArray array = npz.array("arr_0")) {
            MaskRtException e = assertThrows(MaskRtException.class, () -> array.read(new byte[100_000], 0, 100_000));
            assertEquals(
                    file
                            + "[arr_0]: expected [100000], the data is damaged (its checksum is another); write or fetch the"
                            + " file again",
                    e.getMessage());
        }
    }
}
