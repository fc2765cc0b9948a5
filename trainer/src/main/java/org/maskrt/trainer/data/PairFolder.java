package org.maskrt.trainer.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;

/**
 * Pairs of picture files: {@code source/NAME.png} is the object, cut out by its transparency or else as a whole, {@code target/NAME.png} the
 * scene that holds it, and {@code mask/NAME.png} of the same size white where the scene has it. The box is the smallest that holds what is white.
 *
 * <p>A pair that cannot be read is left out: the next one that can be takes its place, and it is named once.
 */
public final class PairFolder implements PairSource {
    private static final List<String> PARTS = List.of("source", "target", "mask");

    private final Path folder;
    private final List<Map<String, Path>> pairs;
    private final Consumer<String> warnings;
    private final Set<Integer> unreadable = ConcurrentHashMap.newKeySet();

    /**
     * Lists a folder; the pictures are read when they are asked for.
     *
     * @param warnings told in one line about each pair that cannot be read; may be called from several threads
     * @throws MaskRtException if the folder cannot be read, holds no pair, or lacks a part of one
     */
    public PairFolder(Path folder, Consumer<String> warnings) {
        this.folder = folder;
        this.warnings = warnings;
        Map<String, Map<String, Path>> byName = new TreeMap<>();
        for (String part : PARTS) {
            list(folder.resolve(part)).forEach(file -> {
                Path before = byName.computeIfAbsent(stem(file), name -> new TreeMap<>())
                        .put(part, file);
                if (before != null) {
                    throw new MaskRtException(
                            ExitCode.USAGE,
                            file + ": expected one picture of this name, there is " + before.getFileName()
                                    + " too; remove one");
                }
            });
        }
        byName.forEach((name, files) -> PARTS.forEach(part -> {
            if (!files.containsKey(part)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        folder.resolve(part) + ": expected a picture '" + name + "' as in "
                                + String.join(" and ", files.keySet()) + ", found none; add it, or remove the others");
            }
        }));
        pairs = List.copyOf(byName.values());
        if (pairs.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder
                            + ": expected .png or .jpg files of equal names in source/, target/ and mask/, found none; name the"
                            + " folder that holds these");
        }
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().toLowerCase(Locale.ROOT).matches(".*\\.(jpg|jpeg|png)"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder
                            + ": expected a folder of pictures beside the other two of source, target and mask, it cannot be"
                            + " listed (" + e + "); add it",
                    e);
        }
    }

    private static String stem(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.substring(0, name.lastIndexOf('.'));
    }

    @Override
    public long count() {
        return pairs.size();
    }

    /**
     * {@inheritDoc}
     *
     * @throws MaskRtException if no pair of the folder can be read
     */
    @Override
    public Pair get(long index) {
        int first = (int) Objects.checkIndex(index, count());
        for (int i = 0; i < pairs.size(); i++) {
            int at = (first + i) % pairs.size();
            if (!unreadable.contains(at)) {
                try {
                    return read(pairs.get(at));
                } catch (MaskRtException e) {
                    if (unreadable.add(at)) {
                        warnings.accept(
                                e.getMessage() + "; left out, training goes on with the next pair in its place");
                    }
                }
            }
        }
        throw new MaskRtException(
                ExitCode.FAILURE, folder + ": none of its " + pairs.size() + " pairs can be read; check the files");
    }

    private static Pair read(Map<String, Path> files) {
        Path source = file(files, "source");
        Path maskFile = file(files, "mask");
        RgbImage object = Images.decode(source);
        Mask alpha = Images.decodeAlpha(source);
        Mask cut = alpha != null
                ? alpha
                : Mask.of(object.width(), object.height(), new Box(0, 0, object.width(), object.height()));
        RgbImage target = Images.decode(file(files, "target"));
        Mask mask = Mask.of(Images.decode(maskFile));
        if (cut.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE, source + ": expected an object, the picture is transparent all over; replace it");
        }
        if (mask.isEmpty() || mask.width() != target.width() || mask.height() != target.height()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    maskFile + ": expected white on black, " + target.width() + " x " + target.height()
                            + " as its target, received " + (mask.isEmpty() ? "black, " : "") + mask.width() + " x "
                            + mask.height() + "; replace it");
        }
        return new Pair(object, cut, target, mask.bounds());
    }

    private static Path file(Map<String, Path> files, String part) {
        return Objects.requireNonNull(files.get(part), part);
    }
}
