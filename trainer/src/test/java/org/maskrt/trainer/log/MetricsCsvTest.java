package org.maskrt.trainer.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

class MetricsCsvTest {
    @TempDir
    Path folder;

    @Test
    void resumedRunReplacesTheRowsItRunsAgain() throws IOException {
        Path file = folder.resolve("run/metrics.csv");
        try (MetricsCsv csv = new MetricsCsv(file, List.of("loss", "lr"), 0)) {
            for (int step = 1; step <= 5; step++) {
                csv.append(step, 1.0 / step, 1e-4);
            }
            assertEquals(6, Files.readAllLines(file).size(), "rows are in the file at once");
        }
        Files.writeString(file, "6,0.12", StandardOpenOption.APPEND);
        try (MetricsCsv csv = new MetricsCsv(file, List.of("loss", "lr"), 3)) {
            csv.append(4, Double.NaN, Double.POSITIVE_INFINITY);
        }
        assertEquals(
                "step,loss,lr\n1,1.0,1.0E-4\n2,0.5,1.0E-4\n3,0.3333333333333333,1.0E-4\n4,NaN,Infinity\n",
                Files.readString(file));
        MetricsCsv.Table table = MetricsCsv.read(file);
        assertEquals(List.of("step", "loss", "lr"), table.columns());
        assertArrayEquals(new double[] {1, 0.5, 1.0 / 3, Double.NaN}, table.column("loss"));
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertEquals(List.of(file), files.toList());
        }
        new MetricsCsv(file, List.of("other"), 0).close();
        assertEquals("step,other\n", Files.readString(file), "a run from the start starts the table anew");
    }

    @Test
    void refusesWhatIsNotItsTable() throws IOException {
        Path file = folder.resolve("metrics.csv");
        Files.writeString(file, "step,loss\n1,0.5\n2,x\n");
        MaskRtException e = assertThrows(MaskRtException.class, () -> MetricsCsv.read(file));
        assertEquals(ExitCode.USAGE, e.code());
        assertEquals(
                file + ": expected 2 numbers in line 3, got \"2,x\"; remove that line or move the file away",
                e.getMessage());
        Files.writeString(file, "step,loss\n1,0.5\n");
        e = assertThrows(MaskRtException.class, () -> new MetricsCsv(file, List.of("mse"), 1));
        assertEquals(
                file
                        + ": expected the columns step,mse to resume, got step,loss; move the file away or resume the run that"
                        + " made it",
                e.getMessage());
        try (MetricsCsv csv = new MetricsCsv(file, List.of("loss"), 1)) {
            assertEquals(
                    file + ": expected 1 values after the step, got 2",
                    assertThrows(IllegalArgumentException.class, () -> csv.append(2, 1, 2))
                            .getMessage());
        }
        Path inFile = file.resolve("metrics.csv");
        e = assertThrows(MaskRtException.class, () -> new MetricsCsv(inFile, List.of("loss"), 0));
        assertEquals(ExitCode.FAILURE, e.code());
        assertEquals(
                "metrics table: expected one of the columns [step, loss], got mse",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> MetricsCsv.read(file).column("mse"))
                        .getMessage());
    }
}
