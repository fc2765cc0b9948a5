package org.maskrt.calibration;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.CheckedOutputStream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;

/**
 * A calibration under way, as a file from which it resumes.
 *
 * @param run says what is calibrated and how; a run resumes only from a state that says the same
 * @param done how many units of work {@code observations} holds, counted by whoever records
 */
public record CalibrationState(String run, int done, Observations observations) {
    private static final String MAGIC = "maskrt calibration state 1";
    private static final int BUFFER = 1 << 16;

    /** @throws MaskRtException if the file cannot be written */
    public void write(Path file) {
        AtomicFiles.write(file, channel -> {
            CheckedOutputStream sum = new CheckedOutputStream(
                    new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER), new CRC32());
            DataOutputStream out = new DataOutputStream(sum);
            out.writeUTF(MAGIC);
            out.writeUTF(run);
            out.writeInt(done);
            observations.write(out);
            out.writeLong(sum.getChecksum().getValue());
            out.flush();
        });
    }

    /** @throws MaskRtException if the file cannot be read or is damaged, or (USAGE) is the state of another run */
    public static CalibrationState read(Path file, String run) {
        try {
            checkSum(file);
            try (DataInputStream in = open(file)) {
                if (!in.readUTF().equals(MAGIC)) {
                    throw new IOException("it begins with something else");
                }
                String saved = in.readUTF();
                if (!saved.equals(run)) {
                    throw new MaskRtException(
                            ExitCode.USAGE,
                            file + ": expected the state of the run '" + run + "', received that of '" + saved
                                    + "'; remove it to begin anew, or name another file");
                }
                int done = in.readInt();
                return new CalibrationState(run, done, Observations.read(in));
            }
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the state of a calibration, which cannot be read from it ("
                            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage())
                            + "); remove it to begin anew",
                    e);
        }
    }

    /** Before anything is believed, so that a damaged length asks for no memory. */
    private static void checkSum(Path file) throws IOException {
        long length = Files.size(file) - Long.BYTES;
        try (DataInputStream in = open(file)) {
            CheckedInputStream sum = new CheckedInputStream(in, new CRC32());
            long left = length;
            byte[] buffer = new byte[BUFFER];
            while (left > 0) {
                int n = sum.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (n < 0) {
                    break;
                }
                left -= n;
            }
            if (length < 0 || in.readLong() != sum.getChecksum().getValue()) {
                throw new IOException("its check sum differs");
            }
        }
    }

    private static DataInputStream open(Path file) throws IOException {
        return new DataInputStream(new BufferedInputStream(Files.newInputStream(file), BUFFER));
    }
}
