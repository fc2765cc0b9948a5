package org.maskrt.perf.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.RgbImage;

/** The picture files of a folder and the folders in it, in the order of their paths. */
final class FolderPictures implements Pictures {
    private static final Pattern PICTURE = Pattern.compile(".*\\.(png|jpg|jpeg|bmp)");

    /** The overview that {@code maskrt sample} writes beside its pictures. */
    private static final Path OVERVIEW = Path.of("grid.png");

    private final Path folder;
    private final int size;
    private final List<Path> files;

    /**
     * Lists the files.
     *
     * @param size side in pixels to which each is cropped and resized, as {@link Images#centerCrop} does; 0 leaves them as they are
     * @throws MaskRtException if the folder cannot be listed, or holds no picture
     */
    FolderPictures(Path folder, int size) {
        this.folder = folder;
        this.size = size;
        try (Stream<Path> walk = Files.walk(folder)) {
            files = walk.filter(file -> PICTURE.matcher(file.toString().toLowerCase(Locale.ROOT))
                                    .matches()
                            && Files.isRegularFile(file))
                    .map(folder::relativize)
                    .filter(file -> !file.equals(OVERVIEW))
                    .sorted(Comparator.comparing(Path::toString))
                    .toList();
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE, folder + ": expected a folder of pictures, it cannot be listed (" + e + ")", e);
        }
        if (files.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    folder + ": expected .png, .jpg or .bmp files, found none; name the folder that holds them");
        }
    }

    @Override
    public int count() {
        return files.size();
    }

    @Override
    public List<String> names() {
        return files.stream()
                .map(file -> file.toString().replaceFirst("\\.[^.]*$", ""))
                .toList();
    }

    @Override
    public Cursor open() {
        return new Cursor() {
            private int next;
            private @Nullable RgbImage first;

            @Override
            public List<RgbImage> next(int most) {
                List<Path> part = files.subList(next, Math.min(files.size(), next + most));
                List<RgbImage> images =
                        part.parallelStream().map(FolderPictures.this::read).toList();
                if (first == null && !images.isEmpty()) {
                    first = images.get(0);
                }
                for (int i = 0; i < images.size(); i++) {
                    requireSize(part.get(i), images.get(i));
                }
                next += part.size();
                return images;
            }

            private void requireSize(Path file, RgbImage image) {
                if (first != null && (image.width() != first.width() || image.height() != first.height())) {
                    throw new MaskRtException(
                            ExitCode.USAGE,
                            folder.resolve(file) + ": expected " + first.width() + " x " + first.height()
                                    + " pixels as the pictures before, received " + image.width() + " x "
                                    + image.height() + "; crop all with --size");
                }
            }

            @Override
            public void close() {}
        };
    }

    private RgbImage read(Path file) {
        RgbImage image = Images.decode(folder.resolve(file));
        return size == 0 ? image : Images.centerCrop(image, size);
    }
}
