package org.maskrt.perf.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;
import org.maskrt.perf.Peer;

/**
 * Another program on the same weights and inputs. It is started with {@code --model FOLDER} (a model folder's transformer, and {@code onnx/} with our graphs),
 * {@code --graph NAME} and {@code --threads N}; {@code prepare FILE} makes it read the inputs from a safetensors file, run once, and write its result
 * beside it as {@code result.safetensors}; {@code step} makes it run once and answer with its milliseconds.
 */
final class PeerContender implements Contender {
    private static final String READY = "ready";

    private final Peer peer;
    private final String command;
    private final Path folder;

    /**
     * Starts the program.
     *
     * @param command of it
     * @param arguments that follow the command
     * @param folder for inputs and results
     */
    PeerContender(List<String> command, List<String> arguments, Path folder) {
        this.command = String.join(" ", command);
        this.folder = folder;
        this.peer =
                Peer.start(Stream.concat(command.stream(), arguments.stream()).toList());
    }

    @Override
    public String label() {
        return peer.about();
    }

    @Override
    public Map<String, String> settings() {
        return Map.of("command", command);
    }

    @Override
    public Map<String, String> versions() {
        return Map.of();
    }

    @Override
    public Trial prepare(Problem problem) {
        Path inputs = folder.resolve("inputs.safetensors");
        Path result = folder.resolve("result.safetensors");
        SafeTensors.write(inputs, Weights.of("inputs", problem.all()), DType.F32, Map.of());
        delete(result);
        String answer = peer.ask("prepare " + inputs);
        if (!answer.equals(READY)) {
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    "the peer '" + command + "': expected the answer '" + READY + "', got '" + answer
                            + "'; see perf/peers for what it can run");
        }
        Tensor first;
        try (Weights read = SafeTensors.open(result)) {
            first = read.tensor(problem.output());
        }
        return new Trial() {
            @Override
            public double run() {
                return peer.step();
            }

            @Override
            public Tensor result() {
                return first;
            }

            @Override
            public void close() {}
        };
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        peer.close();
    }
}
