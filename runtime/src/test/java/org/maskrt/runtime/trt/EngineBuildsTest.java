package org.maskrt.runtime.trt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.FakeWorker.Mode;

@Timeout(120)
class EngineBuildsTest {
    @TempDir
    Path folder;

    private final List<String> heard = new ArrayList<>();

    private EngineBuilds builds(Mode mode) {
        return new EngineBuilds(
                FakeWorker.PLATFORM,
                new BuildCache(folder.resolve("cache")),
                () -> FakeWorker.process(mode),
                new EngineBuilds.Listener() {
                    @Override
                    public void progress(
                            String graph, WorkerMessage.Stage stage, double seconds, @Nullable Double expected) {
                        heard.add(graph + " " + stage + " " + seconds + " of " + expected);
                    }

                    @Override
                    public void message(String graph, TrtMessage message) {
                        heard.add(message.level() + " " + message.text());
                    }
                });
    }

    @Test
    void anEngineIsBuiltOnceAndAgainOnlyWhenAsked() throws IOException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        EngineBuilds builds = builds(Mode.WORKS);
        EngineBuilds.Ready first = builds.build(store, "guided_step", EngineOptions.DEFAULT, false);
        assertTrue(first.made());
        assertEquals(
                folder.resolve("engine/guided_step/sm90-bf16-b1-2-8.plan"),
                first.file().plan());
        assertEquals(List.of("guided_step BUILD 1.5 of null", "WARNING a warning"), heard);
        assertEquals(List.of("guided_step"), store.built());
        assertFalse(
                builds.build(store, "guided_step", EngineOptions.DEFAULT, false).made());
        heard.clear();
        assertTrue(
                builds.build(store, "guided_step", EngineOptions.DEFAULT, true).made());
        assertEquals("guided_step BUILD 1.5 of 2.5", heard.get(0), "the time that the first build took");

        Files.delete(EngineSidecar.of(first.file().plan()));
        assertTrue(
                builds.build(store, "guided_step", EngineOptions.DEFAULT, false).made(),
                "a plan that nothing describes");

        EngineSidecar.read(first.file().plan())
                .with(EngineSidecar.Checked.NOT_YET)
                .write(first.file().plan());
        EngineBuilds.Ready again = builds.build(store, "guided_step", EngineOptions.DEFAULT, false);
        assertTrue(again.made() && again.file().trusted(), "one whose comparison was cut short");

        MaskRtException other = assertThrows(
                MaskRtException.class,
                () -> builds.build(
                        store, "guided_step", new EngineOptions(new Batches(1, 2, 8), 5, 0, Set.of()), false));
        assertEquals(
                first.file().plan()
                        + ": expected optimization_level 5, the plan has 3; build it again with `maskrt build MODEL --rebuild`",
                other.getMessage());
        FakeWorker.export(folder, "guided_step", "77ab");
        MaskRtException stale = assertThrows(
                MaskRtException.class, () -> builds.build(store, "guided_step", EngineOptions.DEFAULT, false));
        assertEquals(
                first.file().plan()
                        + ": expected weights_sha256 77ab, the plan has 77aa (and differs in [onnx_sha256]); build it again with"
                        + " `maskrt build MODEL --rebuild`",
                stale.getMessage());
    }

    @Test
    void whatAWorkerReportsIsTheMessage() throws IOException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> builds(Mode.REPORTS).build(store, "guided_step", EngineOptions.DEFAULT, false));
        assertEquals("no GPU here", e.getMessage());
        assertEquals(ExitCode.ENVIRONMENT, e.code());
        assertNothingLeft();
    }

    @Test
    void aDeadWorkerIsAMessageWithItsLastLines() throws IOException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        MaskRtException e = assertThrows(
                MaskRtException.class,
                () -> builds(Mode.DIES).build(store, "guided_step", EngineOptions.DEFAULT, false));
        assertEquals(
                folder.resolve("engine/guided_step/sm90-bf16-b1-2-8.plan")
                        + ": the process that makes the engine ended with 134 (it aborted itself) and no result; it said last:"
                        + " second | out of memory | terminate called; try again, with a smaller --workspace or --batch if memory"
                        + " was short",
                e.getMessage());
        assertEquals(ExitCode.FAILURE, e.code());
        assertNothingLeft();
    }

    @Test
    void aCancelledBuildLeavesNothing() throws IOException, InterruptedException {
        EngineStore store = FakeWorker.export(folder, "guided_step", "77aa");
        EngineBuilds builds = builds(Mode.HANGS);
        Thread canceller = new Thread(() -> {
            while (!heardHang()) {
                Thread.onSpinWait();
                try {
                    Thread.sleep(20);
                } catch (InterruptedException e) {
                    return;
                }
            }
            builds.cancel();
        });
        canceller.start();
        MaskRtException e = assertThrows(
                MaskRtException.class, () -> builds.build(store, "guided_step", EngineOptions.DEFAULT, false));
        canceller.join();
        assertEquals(ExitCode.INTERRUPTED, e.code());
        assertTrue(e.getMessage().endsWith(".plan: interrupted; the engine was not made"), e.getMessage());
        assertNothingLeft();
        assertEquals(
                ExitCode.INTERRUPTED,
                assertThrows(
                                MaskRtException.class,
                                () -> builds.build(store, "guided_step", EngineOptions.DEFAULT, false))
                        .code(),
                "the next engine is not begun");
    }

    private boolean heardHang() {
        return Files.exists(folder.resolve("engine/guided_step"));
    }

    private void assertNothingLeft() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("engine/guided_step"))) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void weightsGoIntoEnginesThatTakeThem() throws IOException {
        EngineStore donors = FakeWorker.export(folder.resolve("base"), "guided_step", "77aa");
        EngineStore tuned = FakeWorker.export(folder.resolve("tuned"), "guided_step", "88bb");
        EngineBuilds builds = builds(Mode.WORKS);
        builds.build(donors, "guided_step", EngineOptions.DEFAULT, false);
        builds.build(donors, "guided_step", FakeWorker.with(Trait.STRIPPED), false);
        MaskRtException e = assertThrows(MaskRtException.class, () -> builds.refit(donors, tuned, "guided_step"));
        assertEquals(
                donors.model()
                        + ": expected an engine of guided_step in bf16 for sm_90 and TensorRT 10.6.0 that takes these weights,"
                        + " there is none among 2; build one with `maskrt build " + donors.model() + " --refit`",
                e.getMessage());

        EngineBuilds.Ready filled = builds.refit(donors, donors, "guided_step");
        assertEquals("sm90-bf16-b1-2-8.plan", filled.file().plan().getFileName().toString(), "its own weights");

        builds.build(donors, "guided_step", FakeWorker.with(Trait.REFITTABLE, Trait.STRIPPED), false);
        EngineBuilds.Ready swapped = builds.refit(donors, tuned, "guided_step");
        assertEquals(
                tuned.model().resolve("engine/guided_step/sm90-bf16-b1-2-8-refittable.plan"),
                swapped.file().plan());
        assertEquals("88bb", swapped.file().sidecar().source().weightsSha256());
    }
}
