package org.maskrt.models.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

class SafeTensorsTest {
    private static final int ASYMMETRIC = 300_007;

    @TempDir
    Path folder;

    private static Map<String, Tensor> tensors(long seed) {
        Random random = new Random(seed);
        float[] large = new float[3 * ASYMMETRIC];
        for (int i = 0; i < large.length; i++) {
            large[i] = (float) random.nextGaussian();
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("b.weight", Tensor.of(large, 3, ASYMMETRIC));
        tensors.put("a.index", Tensor.ofIndices(new long[] {0, -1, Long.MAX_VALUE, Long.MIN_VALUE, 7, 8}, 2, 3));
        tensors.put("scalar", Tensor.of(new float[] {-0f}));
        tensors.put("empty", Tensor.of(new float[0], 0, 5));
        tensors.put("name with \" and é", Tensor.of(new float[] {1, Float.MAX_VALUE, Float.MIN_VALUE}, 3));
        return tensors;
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "F16", "BF16"})
    void whatIsWrittenComesBack(DType dtype) {
        long seed = new Random().nextLong();
        Map<String, Tensor> written = tensors(seed);
        Path file = folder.resolve("new/w.safetensors");
        SafeTensors.write(file, Weights.of("test", written), dtype, Map.of("step", "12"));
        try (SafeTensors read = SafeTensors.open(file)) {
            assertEquals(
                    List.of("a.index", "b.weight", "scalar", "empty", "name with \" and é"), List.copyOf(read.keys()));
            assertEquals(Map.of("format", "pt", "step", "12"), read.metadata());
            assertEquals(List.of(file), read.files());
            for (String key : written.keySet()) {
                assertTensor(key + ", seed " + seed, rounded(written.get(key), dtype), read.tensor(key));
                assertEquals(written.get(key).shape(), read.shape(key));
                assertEquals(written.get(key).isIndices() ? DType.I64 : dtype, read.dtype(key));
            }
            float[] middle = new float[1000];
            read.read("b.weight", ASYMMETRIC - 3, middle, 1000);
            assertArrayEquals(
                    Arrays.copyOfRange(read.tensor("b.weight").values(), ASYMMETRIC - 3, ASYMMETRIC + 997), middle);
        }
        assertEquals(List.of("w.safetensors"), names(folder.resolve("new")));
    }

    private static Tensor rounded(Tensor t, DType dtype) {
        if (t.isIndices() || dtype == DType.F32) {
            return t;
        }
        float[] out = t.values().clone();
        for (int i = 0; i < out.length; i++) {
            out[i] = dtype == DType.F16
                    ? DType.halfToFloat(DType.floatToHalf(out[i]))
                    : DType.bfloat16ToFloat(DType.floatToBfloat16(out[i]));
        }
        return Tensor.of(out, t.shape());
    }

    private static void assertTensor(String what, Tensor expected, Tensor received) {
        assertEquals(expected.shape(), received.shape(), what);
        if (expected.isIndices()) {
            assertArrayEquals(expected.indices(), received.indices(), what);
        } else {
            assertArrayEquals(expected.values(), received.values(), what);
        }
    }

    @Test
    void theDataIsAlignedAndTheHeaderReadable() throws IOException {
        Path file = folder.resolve("w.safetensors");
        SafeTensors.write(file, Map.of("x", Tensor.of(new float[] {1, 2}, 2)), DType.F32);
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) bytes.getLong(0);
        assertEquals(0, length % 8);
        assertEquals(
                "{\"__metadata__\":{\"format\":\"pt\"},\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                new String(bytes.array(), 8, length, StandardCharsets.UTF_8).strip());
        assertEquals(1f, bytes.getFloat(8 + length));
        assertEquals(2f, bytes.getFloat(12 + length));
    }

    @Test
    void fp32ValuesAreSeenWhereTheyLie() throws IOException {
        Path file = folder.resolve("w.safetensors");
        SafeTensors.write(
                file,
                Map.of("x", Tensor.of(new float[] {1, -2, 3}, 3), "i", Tensor.ofIndices(new long[] {7}, 1)),
                DType.F32);
        SafeTensors.write(folder.resolve("h.safetensors"), Map.of("x", Tensor.of(new float[] {1}, 1)), DType.F16);
        SafeTensors read = SafeTensors.open(file);
        float[] seen = new float[3];
        Objects.requireNonNull(read.view("x")).asFloatBuffer().get(seen);
        assertArrayEquals(new float[] {1, -2, 3}, seen);
        assertNull(read.view("i"));
        read.release();
        assertArrayEquals(new float[] {1, -2, 3}, read.tensor("x").values());
        read.close();
        assertThrows(IllegalStateException.class, () -> read.view("x"));
        try (SafeTensors half = SafeTensors.open(folder.resolve("h.safetensors"))) {
            assertNull(half.view("x"));
        }
    }

    @Test
    void doublesKeepTheirDigits() throws IOException {
        Path file = write("{\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}", 16);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer data = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
            channel.write(data.putDouble(0.1).putDouble(-1e-300).flip(), channel.size() - 16);
        }
        try (SafeTensors read = SafeTensors.open(file)) {
            assertArrayEquals(new double[] {0.1, -1e-300}, read.doubles("d"));
            assertArrayEquals(new float[] {0.1f, -0f}, read.tensor("d").values());
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "files are not sparse there unless asked for")
    void aTensorLargerThanAnArrayIsRefused() throws IOException {
        long rows = 715_827_884;
        assertRefused(
                sparse("{\"x\":" + tensor("F16", "[" + rows + ",3]", "[0," + 6 * rows + "]") + "}", 6 * rows),
                "tensor 'x' has the shape [715827884, 3], expected at most 2147483647 elements");
    }

    /** The file is sparse: 3 GiB long, a few pages large. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "files are not sparse there unless asked for")
    void filesAndTensorsMayBeLargerThanTwoGibibytes() throws IOException {
        long half = (1L << 31) + 2;
        long small = 1L << 30;
        // The data begins at an odd byte, so elements lie across every 1 GiB window.
        String json = "{\"low\":" + tensor("F16", "[" + half / 2 + "]", "[0," + half + "]") + ",\"high\":"
                + tensor("F32", "[2," + small / 8 + "]", "[" + half + "," + (half + small) + "]") + "}";
        json += json.length() % 2 == 0 ? " " : "";
        Path file = sparse(json, half + small);
        long data = 8L + json.length();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            // One half across the first window, the last of "low", the first and the last of "high".
            long across = (1L << 30) - 1 - data;
            put(channel, data + across, DType.floatToHalf(3f));
            put(channel, data + half - 2, DType.floatToHalf(5f));
            put(channel, data + half, Float.floatToRawIntBits(7f));
            put(channel, data + half + small - 4, Float.floatToRawIntBits(9f));
        }
        try (SafeTensors read = SafeTensors.open(file)) {
            assertEquals(Shape.of((int) (half / 2)), read.shape("low"));
            float[] values = new float[5];
            int across = (int) (((1L << 30) - 1 - data) / 2);
            read.read("low", across - 2, values, 5);
            assertArrayEquals(new float[] {0, 0, 3, 0, 0}, values);
            read.read("low", (int) (half / 2) - 5, values, 5);
            assertArrayEquals(new float[] {0, 0, 0, 0, 5}, values);
            read.read("high", 0, values, 5);
            assertArrayEquals(new float[] {7, 0, 0, 0, 0}, values);
            read.read("high", (int) (small / 4) - 5, values, 5);
            assertArrayEquals(new float[] {0, 0, 0, 0, 9}, values);
        }
    }

    private static void put(FileChannel channel, long position, short value) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN);
        channel.write(bytes.putShort(value).flip(), position);
    }

    private static void put(FileChannel channel, long position, int value) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        channel.write(bytes.putInt(value).flip(), position);
    }

    private Path sparse(String json, long data) throws IOException {
        Path file = write(json, 0);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(1), 8L + json.length() + data - 1);
        }
        return file;
    }

    private Path write(String json, int data) throws IOException {
        byte[] utf8 = json.getBytes(StandardCharsets.UTF_8);
        return write(utf8.length, utf8, data);
    }

    private Path write(long length, byte[] json, int data) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + data).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(length).put(json);
        return Files.write(Files.createTempFile(folder, "case", ".safetensors"), bytes.array());
    }

    private static String tensor(String dtype, String shape, String offsets) {
        return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }

    static Stream<Arguments> hostileHeaders() {
        String f32 = tensor("F32", "[2]", "[0,8]");
        return Stream.of(
                Arguments.of("", 8, "header is not what the format says: expected an object, received the end"),
                Arguments.of("[]", 0, "expected an object, received an array"),
                Arguments.of("{\"x\"", 0, "not valid JSON"),
                Arguments.of("{} {}", 0, "goes on after its JSON object"),
                Arguments.of("{\"x\":" + f32 + ",\"x\":" + f32 + "}", 8, "not valid JSON: Duplicate field 'x'"),
                Arguments.of(
                        "{\"x\":5}",
                        0,
                        "tensor 'x' is not what the format says: expected an object, received an integer"),
                Arguments.of("{\"x\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "lacks data_offsets"),
                Arguments.of("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "lacks shape"),
                Arguments.of("{\"x\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "lacks dtype"),
                Arguments.of("{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 8, "Duplicate field 'dtype'"),
                Arguments.of("{\"x\":{\"strides\":[1]}}", 8, "unknown field 'strides'"),
                Arguments.of(
                        "{\"x\":" + tensor("F8_E4M3", "[8]", "[0,8]") + "}",
                        8,
                        "dtype 'F8_E4M3', expected one of [F32,"),
                Arguments.of("{\"x\":" + tensor("f32", "[2]", "[0,8]") + "}", 8, "dtype 'f32'"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[-2]", "[0,8]") + "}", 8, "shape [-2], expected dimensions from 0"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2.0]", "[0,8]") + "}",
                        8,
                        "expected an integer, received VALUE_NUMBER_FLOAT"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[\"2\"]", "[0,8]") + "}",
                        8,
                        "expected an integer, received a string"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[4294967296,4294967296]", "[0,8]") + "}",
                        8,
                        "expected dimensions from 0"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[65536,65536,65536,65536]", "[0,0]") + "}",
                        0,
                        "expected at most 2147483647"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2147483647,2147483647,0]", "[0,0]") + "}",
                        0,
                        "expected at most 2147483647"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[99999999999999999999]", "[0,8]") + "}",
                        8,
                        "not valid JSON: Numeric value"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2]", "[0,4]") + "}",
                        4,
                        "'x' F32[2] needs 8 bytes, its data_offsets give 4"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2]", "[8,0]") + "}",
                        8,
                        "data_offsets [8, 0], expected [begin, end]"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2]", "[-8,0]") + "}",
                        8,
                        "data_offsets [-8, 0], expected [begin, end]"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2]", "[0,8,16]") + "}", 8, "data_offsets [0, 8, 16], expected"),
                Arguments.of(
                        "{\"x\":" + tensor("F32", "[2]", "[8,16]") + "}",
                        16,
                        "8 bytes of nothing between the header and tensor 'x'"),
                Arguments.of(
                        "{\"x\":" + f32 + ",\"y\":" + tensor("F32", "[2]", "[4,12]") + "}",
                        12,
                        "'y' begins at byte 4 and overlaps tensor 'x', which ends at 8"),
                Arguments.of(
                        "{\"x\":" + f32 + ",\"y\":" + tensor("F32", "[2]", "[12,20]") + "}",
                        20,
                        "4 bytes of nothing between tensor 'x' and tensor 'y'"),
                Arguments.of(
                        "{\"x\":" + f32 + "}",
                        7,
                        "truncated: the tensors need 8 bytes after the header, the file has 7"),
                Arguments.of("{\"x\":" + f32 + "}", 9, "need 8 bytes after the header, the file has 1 more"),
                Arguments.of(
                        "{\"__metadata__\":{\"a\":1}}",
                        0,
                        "__metadata__ 'a' is not what the format says: expected a string"),
                Arguments.of(
                        "{\"__metadata__\":[]}", 0, "__metadata__ is not what the format says: expected an object"),
                Arguments.of("{\"a\\nb\\u2028c\":5}", 0, "tensor 'a b c' is not"),
                Arguments.of("{\"x\":" + "[".repeat(5000), 0, "tensor 'x' is not what"),
                Arguments.of("{\"x\":" + f32 + "}\u0000\u0000", 8, "not valid JSON: Illegal character"));
    }

    @ParameterizedTest
    @MethodSource("hostileHeaders")
    void aHeaderThatDoesNotFitIsRefused(String json, int data, String message) throws IOException {
        assertRefused(write(json.isEmpty() ? "  " : json, data), message);
    }

    private static void assertRefused(Path file, String message) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> SafeTensors.open(file));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    @Test
    void anAbsurdHeaderLengthIsRefused() throws IOException {
        byte[] json = "{}".getBytes(StandardCharsets.UTF_8);
        assertRefused(write(1, json, 0), "claims to have 1 bytes, expected 2 to 2");
        assertRefused(write(3, json, 0), "claims to have 3 bytes, expected 2 to 2");
        assertRefused(write(-1, json, 0), "claims to have 18446744073709551615 bytes");
        assertRefused(write(Long.MIN_VALUE, json, 0), "claims to have 9223372036854775808 bytes");
        assertRefused(
                sparse("{}", 100_000_020), "claims to have 100000001 bytes, expected 2 to 100000000", 100_000_001);
    }

    private static void assertRefused(Path file, String message, long length) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            channel.write(bytes.putLong(length).flip(), 0);
        }
        assertRefused(file, message);
    }

    @Test
    void whatIsNoSafetensorsFileIsRefused() throws IOException {
        assertRefused(folder.resolve("none.safetensors"), "cannot be read: there is no such file; check the path");
        assertRefused(folder, "expected a .safetensors file, found a folder");
        assertRefused(
                Files.write(folder.resolve("short"), new byte[7]), "truncated: the length of the header needs 8 bytes");
        assertRefused(
                Files.writeString(
                        folder.resolve("lfs"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
                "found a Git LFS pointer to them; run 'git lfs pull'");
        assertRefused(write(2, new byte[] {(byte) 0xc3, '{'}, 0), "not UTF-8");
    }

    /** Any one bit of the header flipped, and any cut: read correctly or refused in one line, nothing else. */
    @Test
    void damageIsRefusedOrHarmless() throws IOException {
        Path good = folder.resolve("good.safetensors");
        SafeTensors.write(
                good,
                Map.of("x.weight", Tensor.of(new float[6], 2, 3), "x.i", Tensor.ofIndices(new long[] {1}, 1)),
                DType.F32);
        byte[] bytes = Files.readAllBytes(good);
        int header =
                8 + (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        Path bad = folder.resolve("bad.safetensors");
        for (int bit = 0; bit < 8 * header; bit++) {
            byte[] flipped = bytes.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            openOrRefuse(Files.write(bad, flipped), "bit " + bit);
        }
        for (int cut = 0; cut < bytes.length; cut++) {
            assertRefused(Files.write(bad, Arrays.copyOf(bytes, cut)), "");
        }
    }

    private static void openOrRefuse(Path file, String what) {
        try (SafeTensors read = SafeTensors.open(file)) {
            read.keys().forEach(read::tensor);
        } catch (MaskRtException e) {
            assertEquals(1, e.getMessage().lines().count(), what + ": " + e.getMessage());
        }
    }

    @Test
    void shardsAreReadAsOne() throws IOException {
        Map<String, Tensor> written = new LinkedHashMap<>();
        for (int i = 0; i < 7; i++) {
            written.put("w." + i, Tensor.of(new float[] {i, -i, 2 * i}, 3));
        }
        SafeTensors.writeSharded(folder, "model", Weights.of("test", written), DType.F32, 24);
        assertEquals(
                List.of(
                        "model-00001-of-00004.safetensors",
                        "model-00002-of-00004.safetensors",
                        "model-00003-of-00004.safetensors",
                        "model-00004-of-00004.safetensors",
                        "model.safetensors.index.json"),
                names(folder));
        for (SafeTensors opened : List.of(
                SafeTensors.open(folder.resolve("model.safetensors.index.json")), SafeTensors.open(folder, "model"))) {
            try (SafeTensors read = opened) {
                assertEquals(written.keySet(), read.keys());
                assertEquals(4, read.files().size());
                assertEquals(84, read.bytes());
                written.forEach((key, tensor) -> assertTensor(key, tensor, read.tensor(key)));
            }
        }
    }

    @Test
    void whichWeightsAreMeantMustBeClear() {
        MaskRtException none = assertThrows(MaskRtException.class, () -> SafeTensors.open(folder, "m"));
        assertEquals(
                folder + ": expected m.safetensors or m.safetensors.index.json, found neither; put the weights there",
                none.getMessage());
        Weights weights = Weights.of("test", Map.of("x", Tensor.zeros(2)));
        SafeTensors.writeSharded(folder, "m", weights, DType.F32, 100);
        SafeTensors.write(folder.resolve("m.safetensors"), weights, DType.F32, Map.of());
        MaskRtException both = assertThrows(MaskRtException.class, () -> SafeTensors.open(folder, "m"));
        assertTrue(both.getMessage().contains("found both; remove the one that is stale"), both.getMessage());
    }

    @ParameterizedTest
    @MethodSource("hostileShardNames")
    void anIndexMayNotLeadOutOfItsFolder(String name) throws IOException {
        Path inner = Files.createDirectory(folder.resolve("inner"));
        SafeTensors.write(folder.resolve("x.safetensors"), Map.of("x", Tensor.zeros(2)), DType.F32);
        SafeTensors.write(inner.resolve("x.safetensors"), Map.of("x", Tensor.zeros(2)), DType.F32);
        String safe = name.replace("FOLDER", folder.toString());
        Path index = Files.writeString(
                inner.resolve("m.safetensors.index.json"),
                Json.object().set("weight_map", Json.object().put("x", safe)).toString());
        MaskRtException e = assertThrows(MaskRtException.class, () -> SafeTensors.open(index));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(e.getMessage().contains("expected the name of a file in this folder, received '"), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }

    static Stream<String> hostileShardNames() {
        return Stream.of(
                "../x.safetensors",
                "FOLDER/x.safetensors",
                "./x.safetensors",
                "..\\x.safetensors",
                "a/../../x.safetensors",
                "..",
                ".",
                "",
                "x\u0000.safetensors");
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "links need a privilege there")
    void aLinkMayNotLeadOutOfItsFolder() throws IOException {
        Path inner = Files.createDirectory(folder.resolve("inner"));
        Path outside = folder.resolve("x.safetensors");
        SafeTensors.write(outside, Map.of("x", Tensor.zeros(2)), DType.F32);
        Files.createSymbolicLink(inner.resolve("m.safetensors"), outside);
        MaskRtException single = assertThrows(MaskRtException.class, () -> SafeTensors.open(inner, "m"));
        assertTrue(single.getMessage().contains("found a link to outside"), single.getMessage());

        Path index = Files.writeString(
                inner.resolve("n.safetensors.index.json"), "{\"weight_map\":{\"x\":\"m.safetensors\"}}");
        MaskRtException shard = assertThrows(MaskRtException.class, () -> SafeTensors.open(index));
        assertTrue(shard.getMessage().contains("found a link to outside"), shard.getMessage());
        // A file that the user names is taken, link or not.
        SafeTensors.open(inner.resolve("m.safetensors")).close();
    }

    @Test
    void anIndexThatDoesNotFitItsShardsIsRefused() throws IOException {
        SafeTensors.write(folder.resolve("a"), Map.of("x", Tensor.zeros(2)), DType.F32);
        SafeTensors.write(folder.resolve("b"), Map.of("y", Tensor.zeros(2)), DType.F32);
        assertIndexRefused("{}", "expected an object 'weight_map'");
        assertIndexRefused("[1]", "expected a JSON object, found '[1]'");
        assertIndexRefused("{\"weight_map\":", "is not valid JSON");
        assertIndexRefused("{\"weight_map\":{\"x\":1}}", "expected a file name for 'x', received '1'");
        assertIndexRefused("{\"weight_map\":{\"x\":\"a\",\"x\":\"a\"}}", "Duplicate field 'x'");
        assertIndexRefused("{\"weight_map\":{\"x\":\"a\",\"z\":\"b\"}}", "'y' is in b, the index says nothing of it");
        assertIndexRefused("{\"weight_map\":{\"x\":\"b\",\"y\":\"a\"}}", "'x' is in a, the index says b");
        assertIndexRefused(
                "{\"weight_map\":{\"x\":\"a\",\"z\":\"a\"}}",
                "1 keys of the index are not in its files, such as ['z']");
        assertIndexRefused("{\"weight_map\":{\"x\":\"c\"}}", "c: cannot be read: there is no such file");
    }

    private void assertIndexRefused(String json, String message) throws IOException {
        Path index = Files.writeString(folder.resolve("m.safetensors.index.json"), json);
        MaskRtException e = assertThrows(MaskRtException.class, () -> SafeTensors.open(index));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(e.getMessage().contains(message), e.getMessage());
        assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    }

    @Test
    void weightsLargerThanTheHeapAreWrittenOneByOne() {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        for (int i = 0; i < 40; i++) {
            shapes.put("w." + i, Shape.of(1000, 10));
        }
        List<String> made = new java.util.ArrayList<>();
        Weights lazy = Weights.lazy("test", shapes, (path, shape) -> {
            made.add(path);
            float[] values = new float[shape.size()];
            Arrays.fill(values, made.size());
            return Tensor.of(values, shape);
        });
        Path file = folder.resolve("w.safetensors");
        SafeTensors.write(file, lazy, DType.BF16, Map.of());
        assertEquals(List.copyOf(shapes.keySet()), made);
        try (SafeTensors read = SafeTensors.open(file)) {
            assertEquals(40f, read.tensor("w.39").values()[9999]);
        }
    }

    @Test
    void aFailureWhileWritingLeavesTheOldFile() throws IOException {
        Path file = folder.resolve("w.safetensors");
        SafeTensors.write(file, Map.of("x", Tensor.of(new float[] {1}, 1)), DType.F32);
        byte[] before = Files.readAllBytes(file);
        Weights failing = Weights.lazy("test", Map.of("x", Shape.of(1)), (path, shape) -> {
            throw new IllegalStateException("no such weight");
        });
        assertThrows(IllegalStateException.class, () -> SafeTensors.write(file, failing, DType.F32, Map.of()));
        Weights wrong = Weights.lazy("test", Map.of("x", Shape.of(1)), (path, shape) -> Tensor.zeros(2));
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> SafeTensors.write(file, wrong, DType.F32, Map.of()));
        assertEquals("test: 'x' was announced as [1] and came as [2]", e.getMessage());
        assertArrayEquals(before, Files.readAllBytes(file));
        assertEquals(List.of("w.safetensors"), names(folder));
    }

    @Test
    void aFullDiskIsOneLineAndLeavesNothing() throws IOException {
        Path file = folder.resolve("w.safetensors");
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> AtomicFiles.write(file, channel -> {
                    channel.write(ByteBuffer.allocate(100));
                    throw new IOException("No space left on device");
                }));
        assertEquals(ExitCode.FAILURE, e.code());
        assertTrue(
                e.getMessage()
                        .matches("\\Q" + file
                                + "\\E: cannot be written: No space left on device \\(\\d+ MiB free there\\); make room, or name a folder"
                                + " that you may write to"),
                e.getMessage());
        assertEquals(List.of(), names(folder));
    }

    /** A real one: the shell limits files to 100 KiB. */
    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "there is no ulimit")
    void aFileThatMayNotGrowIsOneLineAndLeavesNothing() throws Exception {
        Path file = folder.resolve("w.safetensors");
        Process process = new ProcessBuilder(
                        "sh",
                        "-c",
                        "ulimit -f 200; exec \"$0\" -XX:-UsePerfData -cp \"$1\" \"$2\" \"$3\"",
                        System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                        System.getProperty("java.class.path"),
                        WriteMain.class.getName(),
                        file.toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(1, process.waitFor(), output);
        assertTrue(output.startsWith(file + ": cannot be written: File too large ("), output);
        assertEquals(1, output.lines().count(), output);
        assertEquals(List.of(), names(folder));
    }

    /** Writes 4 MB to the file that is its argument. */
    static final class WriteMain {
        public static void main(String[] args) {
            try {
                SafeTensors.write(Path.of(args[0]), Map.of("x", Tensor.zeros(1_000_000)), DType.F32);
            } catch (MaskRtException e) {
                System.out.println(e.getMessage());
                System.exit(e.code().value());
            }
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "permissions are others there")
    void aPlaceThatCannotBeWrittenIsOneLine() throws IOException {
        Path occupied = Files.writeString(folder.resolve("file"), "");
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> SafeTensors.write(occupied.resolve("w.safetensors"), Map.of("x", Tensor.zeros(1)), DType.F32));
        assertTrue(e.getMessage().contains("cannot be written: a file is where a folder is needed"), e.getMessage());
        Path taken = Files.createDirectory(folder.resolve("taken"));
        Files.writeString(taken.resolve("inside"), "");
        MaskRtException isFolder = assertThrows(
                MaskRtException.class, () -> SafeTensors.write(taken, Map.of("x", Tensor.zeros(1)), DType.F32));
        assertTrue(isFolder.getMessage().contains("cannot be written: "), isFolder.getMessage());
        assertEquals(List.of("file", "taken"), names(folder));
    }

    @Test
    void readingAClosedFileIsAnErrorNotACrash() {
        Path file = folder.resolve("w.safetensors");
        SafeTensors.write(file, Map.of("x", Tensor.zeros(4)), DType.F32);
        SafeTensors read = SafeTensors.open(file);
        read.close();
        read.close();
        assertEquals(
                file + " was closed",
                assertThrows(IllegalStateException.class, () -> read.tensor("x"))
                        .getMessage());
    }

    @Test
    void mistakesOfTheCallerNameTheTensor() {
        Path file = folder.resolve("w.safetensors");
        SafeTensors.write(file, Map.of("x", Tensor.zeros(4), "i", Tensor.ofIndices(new long[] {1}, 1)), DType.F32);
        try (SafeTensors read = SafeTensors.open(file)) {
            assertMistake(file + " has no tensor 'y' among its 2", () -> read.tensor("y"));
            assertMistake(
                    file + ": 'i' holds int64 indices, fp32 values were asked for",
                    () -> read.read("i", 0, new float[1], 1));
            assertMistake(
                    file + ": 'x' has 4 values, 2 from 3 on were asked for", () -> read.read("x", 3, new float[2], 2));
            assertMistake(
                    file + ": 'x' has the shape [4], the model needs [2,2]",
                    () -> read.source().get("x", Shape.of(2, 2)));
            assertEquals(Shape.of(4), read.source().get("x", Shape.of(4)).shape());
        }
    }

    private static void assertMistake(String message, org.junit.jupiter.api.function.Executable call) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
    }

    private static List<String> names(Path folder) {
        try (Stream<Path> list = Files.list(folder)) {
            return list.map(p -> p.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
