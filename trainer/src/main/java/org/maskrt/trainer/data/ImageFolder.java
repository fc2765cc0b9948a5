package org.maskrt.trainer.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;

/**
 * JPEG and PNG files with their classes, centre-cropped to a square and resized. Two layouts: a folder of pictures for each
 * class (classes are numbered in the order of the folders' names), or one folder of files {@code ClassID_anything.jpg} (the
 * class is the number before the first underscore).
 *
 * <p>A file that cannot be decoded is left out: the next file that can be takes its place, and it is named once.
 */
public final class ImageFolder implements ImageSource {
    private static final Pattern PICTURE = Pattern.compile(".*\\.(jpg|jpeg|png)");
    private static final Pattern CLASS_ID = Pattern.compile("(\\d{1,9})_.*");

    private final Path folder;
    private final int size;
    private final List<Path> files;
    private final int[] classes;
    private final List<String> labels;
    private final Consumer<String> warnings;
    private final Set<Path> unreadable = ConcurrentHashMap.newKeySet();

    /**
     * Lists a folder; the pictures are read when they are asked for.
     *
     * @param folder the folder, in either layout
     * @param size side of the pictures that are given, in pixels
     * @param numClasses the number of classes, at least one more than the highest class index that is there; 0 for just that
     * @param warnings told in one line about each file that cannot be decoded; may be called from several threads
     * @throws MaskRtException if the folder cannot be read, is not in one of the layouts, holds no picture, or has more classes
     */
    public ImageFolder(Path folder, int size, int numClasses, Consumer<String> warnings) {
        this.folder = folder;
        this.size = size;
        this.warnings = warnings;
        List<Path> entries = list(folder);
        List<Path> classFolders = entries.stream().filter(Files::isDirectory).toList();
        List<Path> flat = pictures(entries);
        List<String> names = new ArrayList<>();
        if (!flat.isEmpty()) {
            files = flat;
            classes = flat.stream().mapToInt(this::classId).toArray();
        } else {
            List<Path> all = new ArrayList<>();
            List<Integer> ids = new ArrayList<>();
            for (Path classFolder : classFolders) {
                List<Path> members = pictures(list(classFolder));
                if (!members.isEmpty()) {
                    members.forEach(member -> ids.add(names.size()));
                    all.addAll(members);
                    names.add(String.valueOf(classFolder.getFileName()));
                }
            }
            files = List.copyOf(all);
            classes = ids.stream().mapToInt(Integer::intValue).toArray();
        }
        if (files.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder
                            + ": expected folders of .jpg or .png files, one a class, or files ClassID_name.jpg, found no picture;"
                            + " name the folder that holds them");
        }
        int needed = Arrays.stream(classes).max().orElse(0) + 1;
        if (numClasses != 0 && numClasses < needed) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected at most " + numClasses + " classes, found class index " + (needed - 1)
                            + "; set the number of classes to " + needed + " or more");
        }
        IntStream.range(names.size(), Math.max(needed, numClasses)).forEach(id -> names.add(Integer.toString(id)));
        labels = List.copyOf(names);
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.sorted().toList();
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected a folder of pictures, it cannot be listed (" + e + "); name one",
                    e);
        }
    }

    private static List<Path> pictures(List<Path> entries) {
        return entries.stream()
                .filter(entry ->
                        PICTURE.matcher(name(entry).toLowerCase(Locale.ROOT)).matches() && Files.isRegularFile(entry))
                .toList();
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }

    private int classId(Path file) {
        Matcher matcher = CLASS_ID.matcher(name(file));
        if (!matcher.matches()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file + ": expected a name ClassID_anything with a whole number first, got " + name(file)
                            + "; rename it, or sort the pictures into one folder a class");
        }
        return Integer.parseInt(matcher.group(1));
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int numClasses() {
        return labels.size();
    }

    /** The folders' names, or the class indices in digits. */
    @Override
    public List<String> labels() {
        return labels;
    }

    @Override
    public long count() {
        return files.size();
    }

    /**
     * {@inheritDoc}
     *
     * @throws MaskRtException if no file of the folder can be decoded
     */
    @Override
    public Sample get(long index) {
        int first = (int) Objects.checkIndex(index, count());
        for (int i = 0; i < files.size(); i++) {
            int at = (first + i) % files.size();
            Path file = files.get(at);
            if (!unreadable.contains(file)) {
                try {
                    return new Sample(decode(file), classes[at]);
                } catch (MaskRtException e) {
                    if (unreadable.add(file)) {
                        warnings.accept(
                                e.getMessage() + "; left out, training goes on with the next picture in its place");
                    }
                }
            }
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                folder + ": none of its " + files.size() + " pictures can be decoded; check the files");
    }

    private float[] decode(Path file) {
        float[] chw = new float[3 * size * size];
        Images.centerCrop(Images.decode(file), size).toFloats(chw, 0);
        return chw;
    }
}
