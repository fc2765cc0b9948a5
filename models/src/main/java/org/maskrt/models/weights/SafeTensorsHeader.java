package org.maskrt.models.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;

/**
 * The JSON at the front of a safetensors file: for each tensor its type, its shape and where its bytes are. Nothing of it is believed before it
 * was compared with the file.
 */
final class SafeTensorsHeader {
    /** Where a tensor is; {@code begin} and {@code end} are bytes after the header. */
    record Entry(String key, DType dtype, Shape shape, long begin, long end) {}

    /** What the reference implementation takes at most. */
    static final int LONGEST = 100_000_000;

    private static final String METADATA = "__metadata__";

    private final String where;
    private final List<Entry> entries = new ArrayList<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private SafeTensorsHeader(String where) {
        this.where = where;
    }

    /** In the order of the data. */
    List<Entry> entries() {
        return entries;
    }

    Map<String, String> metadata() {
        return metadata;
    }

    /**
     * @param where the file, for messages
     * @param data the bytes of the file after the header
     * @throws MaskRtException if the header is malformed or does not describe exactly these bytes
     */
    static SafeTensorsHeader parse(String where, byte[] json, long data) {
        SafeTensorsHeader header = new SafeTensorsHeader(where);
        // Symbol tables have a limit that hostile names reach.
        JsonFactory factory = JsonFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                .build();
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(json))
                    .toString();
            try (JsonParser parser = factory.createParser(text)) {
                header.read(parser);
            }
        } catch (CharacterCodingException e) {
            throw refuse(where, "the header is not UTF-8", e);
        } catch (JsonProcessingException e) {
            throw refuse(where, "the header is not valid JSON: " + Text.oneLine(e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        header.entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        header.checkLayout(data);
        return header;
    }

    static MaskRtException refuse(String where, String problem, @Nullable Throwable cause) {
        String message =
                where + ": " + problem + "; the file is damaged or no safetensors file: fetch or write it again";
        return cause == null
                ? new MaskRtException(ExitCode.FAILURE, message)
                : new MaskRtException(ExitCode.FAILURE, message, cause);
    }

    private MaskRtException refuse(String problem) {
        return refuse(where, problem, null);
    }

    private void read(JsonParser parser) throws IOException {
        expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            parser.nextToken();
            if (key.equals(METADATA)) {
                readMetadata(parser);
            } else {
                entries.add(readEntry(key, parser));
            }
        }
        if (parser.nextToken() != null) {
            throw refuse("the header goes on after its JSON object");
        }
    }

    private void readMetadata(JsonParser parser) throws IOException {
        expect(parser.currentToken(), JsonToken.START_OBJECT, METADATA);
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + " " + Text.quote(name));
            metadata.put(name, parser.getText());
        }
    }

    private Entry readEntry(String key, JsonParser parser) throws IOException {
        String what = "tensor " + Text.quote(key);
        expect(parser.currentToken(), JsonToken.START_OBJECT, what);
        String type = null;
        long[] dims = null;
        long[] offsets = null;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "dtype" -> {
                    expect(parser.currentToken(), JsonToken.VALUE_STRING, what + " dtype");
                    type = parser.getText();
                }
                case "shape" -> dims = readLongs(parser, what + " shape");
                case "data_offsets" -> offsets = readLongs(parser, what + " data_offsets");
                default -> throw refuse(what + " has the unknown field " + Text.quote(field));
            }
        }
        if (type == null || dims == null || offsets == null) {
            throw refuse(what + " needs dtype, shape and data_offsets, and lacks "
                    + (type == null ? "dtype" : dims == null ? "shape" : "data_offsets"));
        }
        DType dtype = dtype(what, type);
        if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
            throw refuse(what + " has the data_offsets " + Arrays.toString(offsets) + ", expected [begin, end]");
        }
        Shape shape = shape(what, dims);
        long needed = (long) shape.size() * dtype.bytes();
        if (needed != offsets[1] - offsets[0]) {
            throw refuse(what + " " + dtype + shape + " needs " + needed + " bytes, its data_offsets give "
                    + (offsets[1] - offsets[0]));
        }
        return new Entry(key, dtype, shape, offsets[0], offsets[1]);
    }

    private DType dtype(String what, String name) {
        for (DType dtype : DType.values()) {
            if (dtype.name().equals(name)) {
                return dtype;
            }
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                where + ": " + what + " has the dtype " + Text.quote(name) + ", expected one of "
                        + Arrays.toString(DType.values()) + "; convert or leave out this tensor");
    }

    private Shape shape(String what, long[] dims) {
        long size = 1;
        int[] ints = new int[dims.length];
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] < 0 || dims[i] > Integer.MAX_VALUE) {
                throw refuse(what + " has the shape " + Arrays.toString(dims) + ", expected dimensions from 0 to "
                        + Integer.MAX_VALUE);
            }
            ints[i] = (int) dims[i];
            // Both factors are below 2^31, so this cannot overflow before the check.
            size *= dims[i];
            if (size > Integer.MAX_VALUE) {
                throw refuse(what + " has the shape " + Arrays.toString(dims) + ", expected at most "
                        + Integer.MAX_VALUE + " elements");
            }
        }
        return Shape.of(ints);
    }

    private long[] readLongs(JsonParser parser, String what) throws IOException {
        expect(parser.currentToken(), JsonToken.START_ARRAY, what);
        List<Long> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            values.add(parser.getLongValue());
        }
        return values.stream().mapToLong(Long::longValue).toArray();
    }

    private void expect(@Nullable JsonToken received, JsonToken expected, String what) {
        if (received != expected) {
            throw refuse(what + " is not what the format says: expected " + name(expected) + ", received "
                    + (received == null ? "the end" : name(received)));
        }
    }

    private static String name(JsonToken token) {
        return switch (token) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "a string";
            case VALUE_NUMBER_INT -> "an integer";
            default -> token.name();
        };
    }

    private void checkLayout(long data) {
        long at = 0;
        String before = "the header";
        for (Entry e : entries) {
            String what = "tensor " + Text.quote(e.key);
            if (e.begin < at) {
                throw refuse(what + " begins at byte " + e.begin + " and overlaps " + before + ", which ends at " + at);
            }
            if (e.begin > at) {
                throw refuse("there are " + (e.begin - at) + " bytes of nothing between " + before + " and " + what);
            }
            at = e.end;
            before = what;
        }
        if (at > data) {
            throw refuse("truncated: the tensors need " + at + " bytes after the header, the file has " + data);
        }
        if (at < data) {
            throw refuse("the tensors need " + at + " bytes after the header, the file has " + (data - at) + " more");
        }
    }

    /** The length and the JSON, padded with spaces so that the data begins at a multiple of 8 bytes. */
    static byte[] format(List<Entry> entries, Map<String, String> metadata) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(new byte[Long.BYTES]);
        try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
            json.writeStartObject();
            json.writeObjectFieldStart(METADATA);
            for (Map.Entry<String, String> m : metadata.entrySet()) {
                json.writeStringField(m.getKey(), m.getValue());
            }
            json.writeEndObject();
            for (Entry e : entries) {
                json.writeObjectFieldStart(e.key);
                json.writeStringField("dtype", e.dtype.name());
                json.writeFieldName("shape");
                json.writeArray(e.shape.dims(), 0, e.shape.rank());
                json.writeFieldName("data_offsets");
                json.writeArray(new long[] {e.begin, e.end}, 0, 2);
                json.writeEndObject();
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        while (bytes.size() % 8 != 0) {
            bytes.write(' ');
        }
        byte[] header = bytes.toByteArray();
        ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putLong(0, header.length - Long.BYTES);
        return header;
    }
}
