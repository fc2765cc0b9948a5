package org.maskrt.models.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * A configuration in JSON, as diffusers lays them out. Our own files hold exactly what we write. A foreign one (of diffusers, or of a class that
 * we do not know) may hold more, which is a warning, and less, which takes diffusers' defaults.
 */
final class ConfigFile {
    private static final String CLASS = "_class_name";
    private static final String DIFFUSERS = "_diffusers_version";

    private final Path path;
    private final ObjectNode node;
    private final boolean foreign;
    private final List<String> warnings = new ArrayList<>();

    private ConfigFile(Path path, ObjectNode node, boolean foreign) {
        this.path = path;
        this.node = node;
        this.foreign = foreign;
    }

    /** Reads; a file without diffusers' version and with one of {@code ourClasses} is our own. */
    static ConfigFile read(Path path, String... ourClasses) {
        ObjectNode node = Json.readObject(path);
        boolean ours = !node.has(DIFFUSERS)
                && Arrays.asList(ourClasses).contains(node.path(CLASS).asText());
        return new ConfigFile(path, node, !ours);
    }

    boolean isForeign() {
        return foreign;
    }

    List<String> warnings() {
        return warnings;
    }

    /** @throws MaskRtException unless the class is one of {@code known} */
    String className(String... known) {
        JsonNode name = node.path(CLASS);
        if (!Arrays.asList(known).contains(name.textValue())) {
            throw refuse("expected " + CLASS + " " + String.join(" or ", known) + ", received "
                    + (name.isMissingNode() ? "none" : Text.quote(name.asText())) + "; convert the model first");
        }
        return name.textValue();
    }

    MaskRtException refuse(String problem) {
        return new MaskRtException(ExitCode.FAILURE, path + ": " + problem);
    }

    /**
     * The record of this configuration.
     *
     * @param fixed what else may be there, with the only value that is supported
     * @param defaults what a foreign file may leave out
     */
    <C extends Record> C as(Class<C> type, ObjectNode fixed, ObjectNode defaults) {
        for (var entry : fixed.properties()) {
            JsonNode value = node.get(entry.getKey());
            if (value != null && !value.equals(entry.getValue())) {
                throw refuse("expected '" + entry.getKey() + "' to be " + entry.getValue()
                        + " (no other is supported), received " + Text.oneLine(value.toString()));
            }
        }
        Set<String> names = Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getName)
                .map(SnakeCaseStrategy.INSTANCE::translate)
                .collect(Collectors.toCollection(TreeSet::new));
        ObjectNode fields = Json.object();
        Set<String> unknown = new TreeSet<>();
        for (var entry : node.properties()) {
            if (names.contains(entry.getKey())) {
                fields.set(entry.getKey(), entry.getValue());
            } else if (!entry.getKey().startsWith("_") && !fixed.has(entry.getKey())) {
                unknown.add(entry.getKey());
            }
        }
        unknown(unknown);
        if (foreign) {
            defaults.properties().stream()
                    .filter(d -> !fields.has(d.getKey()))
                    .forEach(d -> fields.set(d.getKey(), d.getValue()));
        }
        names.removeIf(fields::has);
        if (!names.isEmpty()) {
            throw refuse("the keys " + names + " are missing; add them");
        }
        return convert(fields, type);
    }

    /** Keys that nothing reads. */
    void unknown(Set<String> keys) {
        if (!keys.isEmpty()) {
            String list = keys.stream().map(Text::oneLine).collect(Collectors.joining(", ", "[", "]"));
            if (!foreign) {
                throw refuse("the keys " + list + " are unknown; correct their spelling or remove them");
            }
            warnings.add(path + ": the keys " + list + " are ignored");
        }
    }

    ObjectNode node() {
        return node;
    }

    private <C> C convert(ObjectNode fields, Class<C> type) {
        try {
            return Json.MAPPER.treeToValue(fields, type);
        } catch (MismatchedInputException e) {
            if (e.getPath().isEmpty() || e.getTargetType() == null) {
                throw refuse(Text.oneLine(e.getOriginalMessage()) + "; correct it");
            }
            String field = e.getPath().get(0).getFieldName();
            throw refuse("expected '" + field + "' to be " + (e.getPath().size() > 1 ? "a list of " : "")
                    + name(e.getTargetType()) + ", received "
                    + Text.oneLine(fields.path(field).toString()) + "; correct it");
        } catch (JsonProcessingException e) {
            String problem = e.getCause() instanceof MaskRtException check
                    ? check.getMessage()
                    : Text.oneLine(e.getOriginalMessage());
            throw new MaskRtException(ExitCode.FAILURE, path + ": " + problem + "; correct it", e);
        }
    }

    private static String name(Class<?> type) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .map(c -> Json.MAPPER.convertValue(c, String.class))
                    .collect(Collectors.joining(" or "));
        }
        return List.class.isAssignableFrom(type) ? "a list" : type.getSimpleName();
    }

    /** A configuration to be written: the class, then the record, then what is fixed. */
    static ObjectNode of(String className, Record config, ObjectNode fixed) {
        ObjectNode node = Json.object().put(CLASS, className);
        node.setAll((ObjectNode) Json.MAPPER.valueToTree(config));
        node.setAll(fixed);
        return node;
    }
}
