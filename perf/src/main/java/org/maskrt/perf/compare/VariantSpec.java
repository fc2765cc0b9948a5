package org.maskrt.perf.compare;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Precision;
import org.maskrt.exporter.OnnxFile;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.perf.bench.Configuration;

/**
 * Which variant of a model.
 *
 * @param text as it was given
 * @param model the model folder
 * @param graphs a folder of exported graphs; null for that of the model folder
 * @param configuration how they are run
 */
public record VariantSpec(String text, Path model, @Nullable Path graphs, Configuration configuration) {
    /** The backend that runs engines, which are made of a model folder's own graphs. */
    static final String ENGINES = "trt";

    private static final List<String> BACKENDS =
            List.of(Configuration.EAGER, "ort-cpu", "ort-cuda", "ort-trt", ENGINES);
    private static final List<String> STEPS = List.of("guided_step", "denoiser");

    /**
     * Reads {@code MODEL[:WORD[,WORD]]}. MODEL is a model folder, or a folder of exported graphs, whose model is the folder around it or else
     * {@code other}. A WORD is a backend or {@code eager}, a type or a form of attention in which the graphs are exported anew, or the name of a folder of graphs
     * within the model folder.
     *
     * @param defaults what no word says
     * @param other the model of a folder of graphs that lies in none; null for none
     * @throws MaskRtException (USAGE) if it is nothing of that kind
     */
    public static VariantSpec parse(String text, Configuration defaults, @Nullable Path other) {
        String[] parts = split(text);
        VariantSpec spec = folder(text, Path.of(parts[0]), defaults, other);
        if (parts.length > 1) {
            for (String word : parts[1].split(",", -1)) {
                spec = spec.with(word.strip());
            }
        }
        spec.check();
        return spec;
    }

    /** The model folder of {@code MODEL[:..]}; null if that is none and lies in none. */
    public static @Nullable Path modelOf(String text) {
        Path folder = Path.of(split(text)[0]);
        Path parent = folder.toAbsolutePath().normalize().getParent();
        return ModelFolder.isModelFolder(folder)
                ? folder
                : parent != null && ModelFolder.isModelFolder(parent) ? parent : null;
    }

    /** The folder, and the words if there are any. */
    private static String[] split(String text) {
        int colon = Files.isDirectory(Path.of(text)) ? -1 : text.lastIndexOf(':');
        return colon < 0 ? new String[] {text} : new String[] {text.substring(0, colon), text.substring(colon + 1)};
    }

    private static VariantSpec folder(String text, Path folder, Configuration defaults, @Nullable Path other) {
        if (ModelFolder.isModelFolder(folder)) {
            return new VariantSpec(text, folder, null, defaults);
        }
        if (!holdsGraphs(folder)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    text + ": expected a model folder or a folder of exported graphs, got '" + folder
                            + "'; name one that `maskrt train`, `import` or `export` wrote, with a variant behind it such as "
                            + folder + ":fp16 if you like");
        }
        Path own = modelOf(folder.toString());
        Path model = own == null ? other : own;
        if (model == null) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    text
                            + ": expected a model folder around these graphs, found none; name the model itself as the other"
                            + " variant, or move the graphs into its folder");
        }
        return new VariantSpec(text, model, folder, defaults);
    }

    private static boolean holdsGraphs(Path folder) {
        return STEPS.stream()
                .anyMatch(graph -> Files.isRegularFile(folder.resolve(graph).resolve(OnnxFile.MODEL)));
    }

    private VariantSpec with(String word) {
        Configuration c = configuration;
        if (!word.isEmpty() && words().anyMatch(word::equals) && holdsGraphs(model.resolve(word))) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    text + ": expected a word with one meaning, got '" + word
                            + "', which is also a folder of graphs in " + model + "; name the folder as "
                            + model.resolve(word) + ", or call it something else");
        }
        if (BACKENDS.contains(word)) {
            return with(new Configuration(word, c.threads(), c.precision(), c.attention()));
        }
        for (Precision precision : Precision.values()) {
            if (precision.toString().equals(word)) {
                return with(new Configuration(c.backend(), c.threads(), precision, c.attention()));
            }
        }
        for (Attention attention : Attention.values()) {
            if (attention.toString().equals(word)) {
                return with(new Configuration(c.backend(), c.threads(), c.precision(), attention));
            }
        }
        if (!word.isEmpty() && graphs == null && holdsGraphs(model.resolve(word))) {
            return new VariantSpec(text, model, model.resolve(word), c);
        }
        String known = words().collect(Collectors.joining(", "));
        throw new MaskRtException(
                ExitCode.USAGE,
                text + ": expected one of " + known + " or a folder of graphs in " + model + " behind the colon, got '"
                        + word + "'");
    }

    private static Stream<String> words() {
        return Stream.of(
                        BACKENDS.stream(),
                        Arrays.stream(Precision.values()).map(Precision::toString),
                        Arrays.stream(Attention.values()).map(Attention::toString))
                .flatMap(names -> names);
    }

    private VariantSpec with(Configuration other) {
        return new VariantSpec(text, model, graphs, other);
    }

    private void check() {
        boolean fixed = configuration.isEager() || configuration.backend().equals(ENGINES);
        if (fixed && (graphs != null || configuration.exports())) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    text + ": expected " + configuration.backend()
                            + " alone, which runs a model folder as it is, got other graphs with it; leave them out");
        }
        if (graphs != null && configuration.exports()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    text + ": expected exported graphs as they are, got a type or attention to export them in; name"
                            + " the model folder for that");
        }
    }
}
