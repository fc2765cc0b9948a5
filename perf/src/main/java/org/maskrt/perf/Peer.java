package org.maskrt.perf;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Another program that does the same work: it prints a line about itself, then a line for each line that it reads. */
public final class Peer implements AutoCloseable {
    private final String command;
    private final Process process;
    private final BufferedReader out;
    private final Writer in;
    private final String about;

    private Peer(String command, Process process) throws IOException {
        this.command = command;
        this.process = process;
        this.out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        this.in = process.outputWriter(StandardCharsets.UTF_8);
        this.about = line();
    }

    /**
     * Starts the program and reads its first line.
     *
     * @throws MaskRtException (ENVIRONMENT) if it does not start, or ends before it has said something
     */
    public static Peer start(List<String> command) {
        Process process = null;
        String text = String.join(" ", command);
        try {
            process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            return new Peer(text, process);
        } catch (IOException e) {
            if (process != null) {
                process.destroyForcibly();
            }
            throw failed(text, e);
        }
    }

    private static MaskRtException failed(String command, IOException e) {
        return new MaskRtException(
                ExitCode.ENVIRONMENT,
                "the peer '" + command + "' failed: " + e.getMessage()
                        + "; it needs Python with the library that it measures, see perf/peers",
                e);
    }

    /** The line that it printed about itself. */
    public String about() {
        return about;
    }

    private String line() throws IOException {
        String line = out.readLine();
        if (line == null) {
            throw new IOException("it ended without an answer");
        }
        return line;
    }

    /**
     * Sends a line; the answer to it.
     *
     * @throws MaskRtException (ENVIRONMENT) if the program has ended
     */
    public String ask(String request) {
        try {
            in.write(request + "\n");
            in.flush();
            return line();
        } catch (IOException e) {
            throw failed(command, e);
        }
    }

    /**
     * The milliseconds of one step, as the program measures them.
     *
     * @throws MaskRtException (ENVIRONMENT) if it has ended, or answers something else
     */
    public double step() {
        String answer = ask("step");
        try {
            return Double.parseDouble(answer.split(" ", 2)[0]);
        } catch (NumberFormatException e) {
            throw failed(command, new IOException("expected milliseconds, got '" + answer + "'", e));
        }
    }

    @Override
    public void close() {
        try {
            in.close();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            process.destroyForcibly();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
