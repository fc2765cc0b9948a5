package org.maskrt.models.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** A record of ours as a JSON file that says what it is: the keys {@code kind} and {@code version}, then its components, in snake_case. */
public final class RecordFile {
    private static final String KIND = "kind";
    private static final String VERSION = "version";

    /** What Jackson says about itself where a key is missing. */
    private static final Pattern OPTION = Pattern.compile(" \\(index \\d+\\); `DeserializationFeature.*");

    private RecordFile() {}

    /** @throws MaskRtException if the file cannot be written */
    public static void write(Path file, String kind, int version, Record record) {
        AtomicFiles.writeString(file, text(kind, version, record));
    }

    /** Of what {@link #write} writes, in hexadecimal. */
    public static String sha256(String kind, int version, Record record) {
        return Sha256.of(text(kind, version, record).getBytes(StandardCharsets.UTF_8));
    }

    private static String text(String kind, int version, Record record) {
        ObjectNode node = Json.object().put(KIND, kind).put(VERSION, version);
        node.setAll((ObjectNode) Json.MAPPER.valueToTree(record));
        // Arrays of thousands of numbers stay on one line.
        DefaultPrettyPrinter objects = new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
        try {
            return Json.MAPPER.writer(objects).writeValueAsString(node) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("a " + record.getClass().getSimpleName() + " is no JSON object", e);
        }
    }

    /**
     * Reads what {@link #write} wrote, and nothing else.
     *
     * @throws MaskRtException if the file cannot be read, is of another kind or version, lacks a key, has one that is unknown, or holds a value that
     *     the record refuses
     */
    public static <R extends Record> R read(Path file, String kind, int version, Class<R> type) {
        ObjectNode node = Json.readObject(file);
        String have = node.path(KIND).asText("none") + " of version "
                + node.path(VERSION).asText("none");
        String wanted = kind + " of version " + version;
        if (!have.equals(wanted)) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected a " + wanted + ", received " + Text.quote(have)
                            + "; name another file, or make it again with this program");
        }
        node.remove(KIND);
        node.remove(VERSION);
        try {
            return Json.MAPPER.treeToValue(node, type);
        } catch (UnrecognizedPropertyException e) {
            throw refuse(file, "the key " + Text.quote(at(e)) + " is unknown; correct its spelling or remove it", e);
        } catch (JsonMappingException e) {
            String problem = e.getCause() instanceof MaskRtException check
                    ? check.getMessage()
                    : OPTION.matcher(e.getOriginalMessage()).replaceFirst("");
            String at = at(e);
            throw refuse(
                    file,
                    Text.oneLine((at.isEmpty() ? "" : at + ": ") + problem) + "; correct it, or make the file again",
                    e);
        } catch (JsonProcessingException e) {
            throw refuse(file, Text.oneLine(e.getOriginalMessage()) + "; make the file again", e);
        }
    }

    private static String at(JsonMappingException e) {
        return e.getPath().stream()
                .map(r -> r.getFieldName() == null ? "[" + r.getIndex() + "]" : r.getFieldName())
                .collect(Collectors.joining(" > "));
    }

    private static MaskRtException refuse(Path file, String problem, Throwable cause) {
        return new MaskRtException(ExitCode.FAILURE, file + ": " + problem, cause);
    }
}
