package org.maskrt.trainer.log;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;

/**
 * A table of numbers by training step, one line a step, the first column {@code step}. Each line is in the file as soon as
 * it is appended. A resumed run appends to the table of the run before it, from which the steps that are run again are
 * taken away.
 */
public final class MetricsCsv implements Closeable {
    /**
     * A table that was read.
     *
     * @param columns the names of the columns, {@code step} first
     * @param rows one array of {@code columns.size()} numbers a row
     */
    public record Table(List<String> columns, List<double[]> rows) {
        /** The column of that name, one number a row. */
        public double[] column(String name) {
            int at = columns.indexOf(name);
            if (at < 0) {
                throw new IllegalArgumentException(
                        "metrics table: expected one of the columns " + columns + ", got " + name);
            }
            return rows.stream().mapToDouble(row -> row[at]).toArray();
        }
    }

    private final Path file;
    private final int width;
    private final BufferedWriter out;

    /**
     * Opens the table for a run that goes on after step {@code resumedStep}.
     *
     * @param file the table; made if it is not there
     * @param columns the names of the columns after {@code step}
     * @param resumedStep rows up to and including this step are kept; 0 for a run from the start, whose first row is step 1
     * @throws MaskRtException if a kept table has other columns, or the file cannot be written
     */
    public MetricsCsv(Path file, List<String> columns, long resumedStep) {
        this.file = file;
        this.width = columns.size();
        List<String> header = new ArrayList<>(List.of("step"));
        header.addAll(columns);
        List<String> lines = new ArrayList<>(List.of(String.join(",", header)));
        if (resumedStep > 0 && Files.exists(file)) {
            Table before = read(file);
            if (!before.columns().equals(header)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        file + ": expected the columns " + String.join(",", header) + " to resume, got "
                                + String.join(",", before.columns())
                                + "; move the file away or resume the run that made it");
            }
            for (double[] row : before.rows()) {
                if (row[0] <= resumedStep) {
                    lines.add(line((long) row[0], Arrays.copyOfRange(row, 1, row.length)));
                }
            }
        }
        AtomicFiles.writeString(file, String.join("\n", lines) + "\n");
        try {
            this.out = Files.newBufferedWriter(file, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /**
     * Adds a row.
     *
     * @param step greater than the step of the row before
     * @param values one number for each column after {@code step}; NaN and infinities are written as Java writes them
     */
    public void append(long step, double... values) {
        if (values.length != width) {
            throw new IllegalArgumentException(
                    file + ": expected " + width + " values after the step, got " + values.length);
        }
        try {
            out.write(line(step, values));
            out.write('\n');
            out.flush();
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /**
     * Reads a table. A last line without its line end, which a killed run can leave, is not taken.
     *
     * @throws MaskRtException if the file cannot be read or is not such a table
     */
    public static Table read(Path file) {
        String text;
        try {
            text = Files.readString(file);
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.USAGE, file + ": expected a table of metrics, it cannot be read (" + e + ")", e);
        }
        String[] lines = text.substring(0, text.lastIndexOf('\n') + 1).split("\n", -1);
        List<String> columns = List.of(lines[0].split(",", -1));
        List<double[]> rows = new ArrayList<>();
        for (int i = 1; i < lines.length - 1; i++) {
            String[] cells = lines[i].split(",", -1);
            try {
                if (cells.length != columns.size()) {
                    throw new NumberFormatException();
                }
                rows.add(Arrays.stream(cells).mapToDouble(Double::parseDouble).toArray());
            } catch (NumberFormatException e) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        file + ": expected " + columns.size() + " numbers in line " + (i + 1) + ", got \"" + lines[i]
                                + "\"; remove that line or move the file away",
                        e);
            }
        }
        return new Table(columns, rows);
    }

    private static String line(long step, double[] values) {
        StringBuilder line = new StringBuilder().append(step);
        for (double value : values) {
            line.append(',').append(value);
        }
        return line.toString();
    }

    private MaskRtException unwritable(IOException e) {
        return new MaskRtException(
                ExitCode.FAILURE,
                file + ": expected to write metrics, failed (" + e + "); free space or choose another folder",
                e);
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw unwritable(e);
        }
    }
}
