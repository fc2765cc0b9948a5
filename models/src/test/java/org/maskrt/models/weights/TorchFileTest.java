package org.maskrt.models.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;

/** Hostile and broken checkpoints, made here instruction by instruction, and files that PyTorch wrote. */
class TorchFileTest {
    private static final Path FILES = Path.of("src/test/resources/checkpoints");

    @TempDir
    static Path folder;

    /** A pickle in the making. */
    private static final class Code {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Code() {
            raw(0x80, 2);
        }

        Code raw(int... bytes) {
            for (int b : bytes) {
                out.write(b);
            }
            return this;
        }

        Code integer(int value) {
            out.write('J');
            return little(value);
        }

        private Code little(int value) {
            out.writeBytes(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }

        Code text(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            out.write('X');
            little(bytes.length);
            out.writeBytes(bytes);
            return this;
        }

        Code global(String module, String name) {
            out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
            return this;
        }

        /** A tensor as {@code torch.save} describes it. */
        Code tensor(String storage, int elements, int offset, int[] dims, int[] strides) {
            global("torch._utils", "_rebuild_tensor_v2").raw('(', '(').text("storage");
            global("torch", "FloatStorage").text(storage).text("cpu").integer(elements);
            raw('t', 'Q').integer(offset);
            return tuple(dims).tuple(strides).raw(0x89, ')', 't', 'R');
        }

        private Code tuple(int... values) {
            raw('(');
            for (int v : values) {
                integer(v);
            }
            return raw('t');
        }

        /** {"w": what {@code inner} leaves}. */
        static Code dictionary(java.util.function.UnaryOperator<Code> inner) {
            return inner.apply(new Code().raw('}').text("w")).raw('s', '.');
        }

        byte[] bytes() {
            return out.toByteArray();
        }
    }

    private static byte[] four() {
        return ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(1)
                .putFloat(2)
                .putFloat(3)
                .putFloat(4)
                .array();
    }

    private static Map<String, byte[]> entries(Code pickle) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put("archive/data.pkl", pickle.bytes());
        entries.put("archive/data/0", four());
        return entries;
    }

    private static Code good() {
        return Code.dictionary(c -> c.tensor("0", 4, 1, new int[] {3, 1}, new int[] {1, 1}));
    }

    private static Path write(String name, Map<String, byte[]> entries, int method) {
        Path file = folder.resolve(name + ".pt");
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> e : entries.entrySet()) {
                ZipEntry entry = new ZipEntry(e.getKey());
                entry.setMethod(method);
                CRC32 crc = new CRC32();
                crc.update(e.getValue());
                entry.setSize(e.getValue().length);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(e.getValue());
                zip.closeEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }

    @Test
    void aTensorIsReadFromItsPlace() {
        try (TorchFile file = TorchFile.open(write("good", entries(good()), ZipEntry.STORED))) {
            assertEquals(Set.of(""), file.parts());
            Weights weights = file.part("");
            assertEquals(Shape.of(3, 1), weights.shape("w"));
            assertArrayEquals(new float[] {2, 3, 4}, weights.tensor("w").values());
            float[] last = new float[1];
            weights.read("w", 2, last, 1);
            assertEquals(4, last[0]);
        }
    }

    /** @param file makes it */
    private record Case(String name, java.util.function.Supplier<Path> file, String message) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case pickle(String name, Code code, String message) {
        return new Case(name, () -> write(name, entries(code), ZipEntry.STORED), message);
    }

    private static Case tensor(String name, int elements, int offset, int[] dims, int[] strides, String message) {
        return pickle(name, Code.dictionary(c -> c.tensor("0", elements, offset, dims, strides)), message);
    }

    private static Case archive(String name, String entry, byte[] content, String message) {
        return new Case(
                name,
                () -> {
                    Map<String, byte[]> entries = entries(good());
                    entries.put(entry, content);
                    return write(name, entries, ZipEntry.STORED);
                },
                message);
    }

    private static Case file(String name, byte[] content, String message) {
        return new Case(
                name,
                () -> {
                    try {
                        return Files.write(folder.resolve(name + ".pt"), content);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                message);
    }

    private static byte[] tar() {
        byte[] tar = new byte[1024];
        System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
        return tar;
    }

    /** Lists of ten times the list before, which would be 10^50 objects. */
    private static Code laughs() {
        Code code = new Code().raw('}').text("w").raw(']', 'q', 0);
        for (int level = 0; level < 50; level++) {
            code.raw('0', ']', '(');
            for (int i = 0; i < 10; i++) {
                code.raw('h', level);
            }
            code.raw('e', 'q', level + 1);
        }
        return code.raw('s', '.');
    }

    private static Code deep() {
        Code code = new Code();
        for (int i = 0; i < 2000; i++) {
            code.raw('(');
        }
        return code.raw('.');
    }

    static Stream<Case> refused() {
        int[] vector = {4};
        int[] step = {1};
        return Stream.of(
                new Case("os.system, by PyTorch", () -> FILES.resolve("os_system.pt"), "the name 'posix.system'"),
                pickle("eval", new Code().global("builtins", "eval").text("1").raw(0x85, 'R', '.'), "'builtins.eval'"),
                pickle(
                        "a name on the stack",
                        new Code().raw(0x8c, 2, 'o', 's', 0x8c, 6, 's', 'y', 's', 't', 'e', 'm', 0x93, '.'),
                        "'os.system'"),
                pickle("an extension", new Code().raw(0x82, 1, '.'), "instruction 0x82"),
                pickle("an instance", new Code().raw('(', 'i', 'o', 's', '\n', 'x', '\n', '.'), "instruction 0x69"),
                pickle("a list in itself", Code.dictionary(c -> c.raw(']', 'q', 0, 'h', 0, 'a')), "contains itself"),
                pickle("a billion laughs", laughs(), "objects"),
                pickle("nested marks", deep(), "nested deeper"),
                pickle("an empty stack", new Code().raw('0', '.'), "more from its stack"),
                pickle("no end", new Code().raw('}'), "ends within an instruction"),
                pickle("a long text", new Code().raw('X', 255, 255, 255, 127), "text longer than itself"),
                pickle("protocol 0", new Code().raw(0x80, 0, '.'), "protocol 0"),
                pickle("only numbers", new Code().integer(5).raw('.'), "no dictionary of tensors"),
                tensor("a storage of another size", 5, 0, vector, step, "which has 16 bytes"),
                tensor("an overflow", 4, 0, new int[] {65536, 65536, 4}, new int[] {262144, 4, 1}, "impossible size"),
                tensor("a negative size", 4, 0, new int[] {-4}, step, "impossible size"),
                tensor("beyond the end", 4, 2, vector, step, "beyond the end"),
                tensor("before the beginning", 4, -1, vector, step, "beyond the end"),
                tensor("transposed", 4, 0, new int[] {2, 2}, new int[] {1, 2}, "row-major"),
                tensor("expanded", 4, 0, new int[] {4, 4}, new int[] {0, 1}, "row-major"),
                pickle(
                        "a missing storage",
                        Code.dictionary(c -> c.tensor("7", 4, 0, vector, step)),
                        "a storage that is not there, '7'"),
                pickle(
                        "a storage elsewhere",
                        Code.dictionary(c -> c.tensor("../0", 4, 0, vector, step)),
                        "a storage that is not there, '../0'"),
                archive("a path out", "archive/../../evil", new byte[1], "leads out of the archive"),
                archive("a program", "archive/constants.pkl", new byte[1], "TorchScript"),
                archive("big-endian", "archive/byteorder", "big".getBytes(StandardCharsets.US_ASCII), "byte order"),
                archive("two pickles", "other/data.pkl", good().bytes(), "two pickles"),
                new Case(
                        "a zip bomb",
                        () -> {
                            Map<String, byte[]> entries = entries(good());
                            entries.put("archive/data/0", new byte[1 << 24]);
                            return write("bomb", entries, ZipEntry.DEFLATED);
                        },
                        "compressed entry"),
                new Case(
                        "no pickle",
                        () -> write("none", Map.of("archive/data/0", four()), ZipEntry.STORED),
                        "without data.pkl"),
                new Case("before 1.6", () -> FILES.resolve("before_1_6.pt"), "PyTorch before 1.6"),
                file("a tar", tar(), "a tar archive"),
                file("an empty file", new byte[0], "another kind of file of 0 bytes"),
                file("text", "not weights".getBytes(StandardCharsets.UTF_8), "another kind of file"));
    }

    @ParameterizedTest
    @MethodSource("refused")
    void isRefusedInOneLine(Case bad) {
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> TorchFile.open(bad.file.get()).close());
        assertEquals(ExitCode.FAILURE, e.code());
        String message = String.valueOf(e.getMessage());
        assertTrue(message.contains(bad.message), message);
        assertTrue(message.contains(".pt: expected a checkpoint of torch.save, found "), message);
        assertEquals(1, message.lines().count(), message);
        assertFalse(Files.exists(Path.of("executed.txt")), "code in the pickle was executed");
    }

    @Test
    void everyCutIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(write("whole", entries(good()), ZipEntry.STORED));
        for (int length : List.of(3, 10, 60, whole.length / 2, whole.length - 30, whole.length - 1)) {
            Path cut = Files.write(folder.resolve("cut.pt"), Arrays.copyOf(whole, length));
            MaskRtException e = assertThrows(
                    MaskRtException.class, () -> TorchFile.open(cut).close(), length + " bytes");
            assertTrue(String.valueOf(e.getMessage()).startsWith(cut + ": expected a checkpoint"), e.getMessage());
        }
    }

    @Test
    void aMissingFileIsNamed() {
        Path none = folder.resolve("none-here.pt");
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> TorchFile.open(none).close());
        assertTrue(String.valueOf(e.getMessage()).startsWith(none + ": "), e.getMessage());
    }
}
