package org.maskrt.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxInterpreter;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.reference.CaseChecks;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.reference.ReferenceCase;
import org.maskrt.trainer.DjlInterpreter;
import org.maskrt.trainer.TrainingChecks;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt verify}. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = {
            "Run recorded cases through every interpreter that applies, and compare with the recorded numbers.",
            "A case is a folder with case.json and io.safetensors; a folder of cases stands for all of them. Exit code 4 if one fails."
        })
final class VerifyCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(arity = "1..*", paramLabel = "FOLDER", description = "A case, or a folder of cases.")
    private List<Path> folders;

    private int failed;
    private int passed;
    private int skipped;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%-26s %-46s %-20s %10s  %9s%n", "case", "tensor", "interpreter", "diff/max", "tolerance");
        try (Interpreter reference = Interpreter.reference();
                Interpreter djl = new DjlInterpreter();
                Interpreter decomposed = new OnnxInterpreter(GraphStyle.DEFAULT.with(GraphStyle.Attention.DECOMPOSED));
                Interpreter fused = new OnnxInterpreter(GraphStyle.DEFAULT.with(GraphStyle.Attention.ORT_MHA))) {
            List<Interpreter> interpreters = List.of(reference, djl, decomposed, fused);
            for (Path folder : folders) {
                for (Path each : cases(folder)) {
                    verify(each, interpreters);
                }
            }
        }
        out.printf("%d passed, %d failed, %d cases skipped%n", passed, failed, skipped);
        out.println(failed == 0 ? "PASSED" : "FAILED");
        return failed == 0 ? 0 : ExitCode.TOLERANCE.value();
    }

    private static List<Path> cases(Path folder) {
        if (Files.exists(folder.resolve("case.json"))) {
            return List.of(folder);
        }
        try (Stream<Path> children = Files.list(folder)) {
            List<Path> found = children.filter(child -> Files.exists(child.resolve("case.json")))
                    .sorted()
                    .toList();
            if (found.isEmpty()) {
                throw new MaskRtException(
                        ExitCode.USAGE, folder + ": expected a case (case.json) or a folder of cases, found neither");
            }
            return found;
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE, folder + ": expected a folder of cases, it cannot be read (" + e + ")", e);
        }
    }

    private void verify(Path folder, List<Interpreter> interpreters) {
        if (!ReferenceCase.isKnown(folder)) {
            skipped++;
            spec.commandLine().getOut().println(folder.getFileName() + "  skipped: a family that is not known here");
            return;
        }
        try (ReferenceCase c = ReferenceCase.open(folder)) {
            switch (c.kind()) {
                case "model" -> {
                    for (Interpreter i : interpreters) {
                        print(c, i.name(), CaseChecks.model(c, i));
                    }
                    print(
                            c,
                            "djl",
                            c.model() instanceof MaskDit ? TrainingChecks.edmLosses(c) : TrainingChecks.gradients(c));
                }
                case "trajectory" -> {
                    for (Interpreter i : interpreters) {
                        print(c, i.name(), CaseChecks.trajectory(c, i));
                    }
                }
                case "features" -> {
                    for (Interpreter i : interpreters) {
                        print(c, i.name(), CaseChecks.features(c, i));
                    }
                }
                case "autoencoder" -> {
                    for (Interpreter i : interpreters) {
                        print(c, i.name(), CaseChecks.autoencoder(c, i));
                    }
                }
                case "losses" -> print(c, "djl", TrainingChecks.losses(c));
                default ->
                    throw new MaskRtException(
                            ExitCode.FAILURE,
                            folder + ": expected the kind model, trajectory, losses, features or autoencoder, found '"
                                    + c.kind() + "'");
            }
        }
    }

    private void print(ReferenceCase c, String interpreter, List<Parity> found) {
        for (Parity parity : new ArrayList<>(found)) {
            if (parity.passed()) {
                passed++;
            } else {
                failed++;
            }
            spec.commandLine()
                    .getOut()
                    .println(String.format(
                            Locale.ROOT,
                            "%-26s %-46s %-20s %10.2e  %9.0e%s",
                            c.name(),
                            parity.name(),
                            interpreter,
                            parity.relative(),
                            parity.tolerance(),
                            parity.passed() ? "" : "  FAILED"));
        }
    }
}
