package org.maskrt.runtime;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Grid;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Npz;
import org.maskrt.models.image.RgbImage;

/**
 * Writes the pictures of a generation: {@code 000000.png} and so on with their parameters as JSON in the text chunk {@code parameters}, the
 * archive {@code samples_<N>x<H>x<W>x3.npz} that evaluators of guided diffusion read, and {@code grid.png} with a row for each class.
 */
public final class SampleWriter {
    private static final int MAX_GRID_ROWS = 32;
    private static final int MAX_GRID_COLUMNS = 16;
    private static final byte WHITE = (byte) 0xFF;

    private final Path folder;
    private final boolean force;
    private final Map<Integer, String> classNames;

    /**
     * A writer to {@code folder}, which is made if need be.
     *
     * @param force whether files of these names may be replaced
     * @param classNames of some classes, all or none; for the grid
     */
    public SampleWriter(Path folder, boolean force, Map<Integer, String> classNames) {
        this.folder = folder;
        this.force = force;
        this.classNames = Map.copyOf(classNames);
    }

    /**
     * What was written.
     *
     * @param images a file for each picture
     * @param archive the .npz file
     * @param grid the overview
     */
    public record Written(List<Path> images, Path archive, Path grid) {
        public Written {
            images = List.copyOf(images);
        }
    }

    /**
     * Writes all files, or none.
     *
     * @throws MaskRtException if a file is there already and may not be replaced, or cannot be written
     */
    public Written write(GenerationResult result) {
        RgbImage first = result.images().get(0);
        int count = result.images().size();
        List<Path> images = names(count);
        Path archive = folder.resolve("samples_" + count + "x" + first.height() + "x" + first.width() + "x3.npz");
        Path grid = folder.resolve("grid.png");
        Map<Path, Consumer<Path>> files = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            files.put(images.get(i), picture(result.images().get(i), Parameters.of(result, i)));
        }
        long[] labels = result.labels().stream().mapToLong(Integer::longValue).toArray();
        files.put(archive, file -> Npz.write(file, labels, first.width(), first.height(), result.images()::get));
        files.put(grid, picture(grid(result), Parameters.of(result, 0)));
        writeAll(files);
        return new Written(images, archive, grid);
    }

    /**
     * Writes the scenes with their objects, {@code 000000.png} and so on, and {@code table.png}, or none of them.
     *
     * @param table an overview
     * @return the table's file
     * @throws MaskRtException if a file is there already and may not be replaced, or cannot be written
     */
    public Path write(CustomizationResult result, RgbImage table) {
        List<Path> images = names(result.images().size());
        Map<Path, Consumer<Path>> files = new LinkedHashMap<>();
        for (int i = 0; i < images.size(); i++) {
            files.put(images.get(i), picture(result.images().get(i), Parameters.of(result, i)));
        }
        Path overview = folder.resolve("table.png");
        files.put(overview, picture(table, Parameters.of(result, 0)));
        writeAll(files);
        return overview;
    }

    private List<Path> names(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> folder.resolve(String.format(Locale.ROOT, "%06d.png", i)))
                .toList();
    }

    private static Consumer<Path> picture(RgbImage image, String parameters) {
        return file -> Images.writePng(file, image, Map.of("parameters", parameters));
    }

    private void writeAll(Map<Path, Consumer<Path>> files) {
        requireFree(List.copyOf(files.keySet()));
        List<Path> done = new ArrayList<>();
        boolean complete = false;
        try {
            files.forEach((file, writing) -> {
                writing.accept(file);
                done.add(file);
            });
            complete = true;
        } finally {
            if (!complete) {
                delete(done);
            }
        }
    }

    private void requireFree(List<Path> files) {
        for (Path file : files) {
            if (!force && Files.exists(file)) {
                throw new MaskRtException(
                        ExitCode.USAGE, file + ": there is a file already; name another folder or use --force");
            }
        }
    }

    private static void delete(List<Path> files) {
        for (Path file : files) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                // the error that led here is the one to report
                System.getLogger(SampleWriter.class.getName())
                        .log(System.Logger.Level.WARNING, file + " could not be removed: " + OrtErrors.oneLine(e));
            }
        }
    }

    /** A row for each class; gaps stay white where classes have fewer pictures than others. */
    private RgbImage grid(GenerationResult result) {
        Map<Integer, List<Integer>> byClass = new LinkedHashMap<>();
        for (int i = 0; i < result.labels().size(); i++) {
            byClass.computeIfAbsent(result.labels().get(i), label -> new ArrayList<>())
                    .add(i);
        }
        List<Map.Entry<Integer, List<Integer>>> rows =
                byClass.entrySet().stream().limit(MAX_GRID_ROWS).toList();
        int columns = Math.min(
                MAX_GRID_COLUMNS,
                rows.stream().mapToInt(r -> r.getValue().size()).max().orElse(0));
        List<RgbImage> cells = new ArrayList<>();
        RgbImage first = result.images().get(0);
        for (Map.Entry<Integer, List<Integer>> row : rows) {
            for (int c = 0; c < columns; c++) {
                List<Integer> members = row.getValue();
                cells.add(c < members.size() ? result.images().get(members.get(c)) : blank(first));
            }
        }
        List<String> names = rows.stream().map(row -> name(row.getKey())).toList();
        List<String> heads =
                IntStream.range(0, columns).mapToObj(c -> head(result, rows, c)).toList();
        return new Grid(names, heads, cells).draw();
    }

    private String name(int label) {
        return classNames.getOrDefault(label, "class " + label);
    }

    /** The seed of a column if all of its pictures have the same. */
    private static String head(GenerationResult result, List<Map.Entry<Integer, List<Integer>>> rows, int column) {
        List<Long> seeds = rows.stream()
                .filter(row -> column < row.getValue().size())
                .map(row -> result.seeds().get(row.getValue().get(column)))
                .distinct()
                .toList();
        boolean perImage = result.provenance().request().seeds().rng() == Seeds.Rng.PER_IMAGE;
        return perImage && seeds.size() == 1 ? Long.toString(seeds.get(0)) : "#" + (column + 1);
    }

    private static RgbImage blank(RgbImage like) {
        byte[] pixels = new byte[like.pixels().length];
        Arrays.fill(pixels, WHITE);
        return new RgbImage(like.width(), like.height(), pixels);
    }
}
